import type { Operation } from '../documents/index.ts'

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

/** The answer: which policy allows it ("<tenant>/<name>", for the log), or which rule was missing (safe to show to the caller). */
export type Decision =
  | { readonly allowed: true; readonly policy: string }
  | { readonly allowed: false; readonly reason: string }
