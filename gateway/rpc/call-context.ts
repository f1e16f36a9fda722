import type { Metadata } from '@grpc/grpc-js'
import { MeshError, type Principal } from '@landbridge/core'
import type { PeerCertificate } from '../auth/index.ts'
import type { ObservedCall } from './observed-call.ts'

/** Who calls, as the authentication interceptor found out before any handler ran. */
export type CallContext = {
  /** Full method path, "/landbridge.v1.EventService/Publish". */
  readonly path: string
  /** The verified principal. Undefined only for methods without one: health, reflection, and replication, which
   * verifies peers by itself. */
  readonly principal: Principal | undefined
  /** The verified client certificate of the connection. */
  readonly certificate: PeerCertificate | undefined
  /** When the credentials end, ms since 1970; Infinity for methods without a principal. Streams end then. */
  readonly expiresAtMs: number
  /** Until the caller's deadline, ms; infinity when it has none. */
  readonly remainingMs: () => number
  /** W3C trace context of the call's metadata. */
  readonly traceparent: string | undefined
  /** To gate the reading of requests. */
  readonly call: ObservedCall
}

// Keyed by the call's metadata: the one object that grpc-js hands both to interceptors and to handlers.
const contexts = new WeakMap<Metadata, CallContext>()

/** For the authentication interceptor. */
export function setCallContext(metadata: Metadata, context: CallContext): void {
  contexts.set(metadata, context)
}

/** The context of a call, for its handler: `callContextOf(call.metadata)`. */
export function callContextOf(metadata: Metadata): CallContext {
  const context = contexts.get(metadata)
  if (context === undefined) throw new MeshError('internal', 'call: reached its handler without authentication')
  return context
}

/** The principal of a call to a method that needs one. */
export function principalOf(context: CallContext): Principal {
  if (context.principal === undefined) throw new MeshError('unauthenticated', 'call: has no principal')
  return context.principal
}
