import type { Operation, Quota } from '../documents/index.ts'

/** Whom a call comes from, as its credentials prove. */
export type Principal = {
  /** "jwt" when a verified token came with the call (with or without a certificate), else "mtls". */
  readonly kind: 'jwt' | 'mtls'
  /** The token's `sub`; for "mtls" the SPIFFE id or, without one, the certificate's subject. */
  readonly subject: string
  /** The token's issuer; undefined for "mtls". */
  readonly issuer: string | undefined
  /** The token's groups; empty for "mtls". */
  readonly groups: readonly string[]
  /** The SPIFFE id of the client certificate, if there was one. */
  readonly spiffe: string | undefined
  /** The token's claims; empty for "mtls". */
  readonly claims: Readonly<Record<string, unknown>>
}

/** A question to the policies. */
export type AccessRequest = {
  readonly principal: Principal
  readonly tenant: string
  /** The topic's name within the tenant; empty for an operation on the tenant as a whole (only a "*" pattern matches it). */
  readonly topic: string
  readonly operation: Operation
  /** Milliseconds since 1970. */
  readonly now: number
}

/** The answer: what is granted, or which rule was missing (safe to show to the caller). */
export type Decision = Grant | { readonly allowed: false; readonly reason: string }

/** What the policies that allow a call grant together. The same object for the same policies, as long as they stay. */
export type Grant = {
  readonly allowed: true
  /** Which policies, "<tenant>/<name>" joined by commas: for the log, and to tell quotas apart. */
  readonly policy: string
  /** What a subscriber sees of an event as it is stored; absent: all of it. */
  readonly view?: (event: Uint8Array) => Uint8Array
  /** How much may be published or delivered; absent: as much as there is. */
  readonly quota?: Quota
}
