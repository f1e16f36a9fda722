import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { MeshError } from '@landbridge/core'

/**
 * The HTTP/2 session that carries a call: the one place that reaches into grpc-js, which has no public way to it.
 * @param call What grpc-js hands to the innermost interceptor.
 * @throws MeshError 'unavailable' when the connection is gone, 'internal' when a later grpc-js hides it: then calls are
 *   refused, not let through without a look at their certificate.
 */
export function sessionOf(call: unknown): ServerHttp2Session {
  const session = property(streamOf(call), 'session')
  if (!isSession(session) || session.destroyed) {
    throw new MeshError('unavailable', 'call: its connection is gone', { retryAfterMs: 0 })
  }
  return session
}

/** The HTTP/2 stream of a call. @param call As for `sessionOf`. @throws MeshError 'internal' when grpc-js hides it. */
export function streamOf(call: unknown): ServerHttp2Stream {
  const stream = property(call, 'stream')
  if (!isStream(stream)) throw new MeshError('internal', 'call: its HTTP/2 stream cannot be seen')
  return stream
}

function isStream(value: unknown): value is ServerHttp2Stream {
  return typeof property(value, 'isPaused') === 'function'
}

function isSession(value: unknown): value is ServerHttp2Session {
  return typeof property(value, 'setLocalWindowSize') === 'function'
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
