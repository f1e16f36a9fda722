import type { ServerHttp2Session } from 'node:http2'
import { MeshError } from '@landbridge/core'

/**
 * The HTTP/2 session that carries a call: the one place that reaches into grpc-js, which has no public way to it.
 * @param call What grpc-js hands to the innermost interceptor.
 * @throws MeshError 'unavailable' when the connection is gone, 'internal' when a later grpc-js hides it: then calls are
 *   refused, not let through without a look at their certificate.
 */
export function sessionOf(call: unknown): ServerHttp2Session {
  const stream = property(call, 'stream')
  if (stream === undefined) throw new MeshError('internal', 'call: its HTTP/2 stream cannot be seen')
  const session = property(stream, 'session')
  if (!isSession(session) || session.destroyed) {
    throw new MeshError('unavailable', 'call: its connection is gone', { retryAfterMs: 0 })
  }
  return session
}

function isSession(value: unknown): value is ServerHttp2Session {
  return typeof property(value, 'setLocalWindowSize') === 'function'
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
