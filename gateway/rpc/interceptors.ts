import { type Metadata, ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js'
import { MeshError } from '@landbridge/core'
import {
  type Authenticator,
  type Identity,
  type PeerCertificate,
  peerCertificateOf,
  type Trust,
} from '../auth/index.ts'
import { sessionOf, streamOf } from '../call-session.ts'
import type { Limits } from '../config.ts'
import { type Log, type Metrics, traceFieldsOf } from '../telemetry/index.ts'
import { setCallContext } from './call-context.ts'
import { FailureLog } from './failure-log.ts'
import { widenWindow } from './grpc-server.ts'
import { ObservedCall } from './observed-call.ts'
import { methodOf, type OpenCalls } from './open-calls.ts'
import { RequestMeter } from './request-meter.ts'
import { largeRequestRefusal, type RequestRights } from './request-rights.ts'
import type { RequestRoom } from './request-room.ts'
import { statusOf } from './status.ts'

/** What the interceptors need. */
export type InterceptorOptions = {
  readonly authenticator: Authenticator
  readonly trust: Pick<Trust, 'isOwn'>
  readonly calls: OpenCalls
  readonly metrics: Metrics
  readonly log: Log
  /** For request messages on their way. */
  readonly room: RequestRoom
  readonly rights: RequestRights
  readonly limits: Pick<Limits, 'requestBytesMax' | 'requestMs' | 'openServiceStreamsMax'>
}

/** Anyone who can connect may call these: probes have no token, and the API is public. */
const OPEN_SERVICES = /^\/grpc\.(health|reflection)\./
/** Peers prove themselves by a token bound to their certificate, which the service verifies. */
const PEER_SERVICE = '/landbridge.v1.ReplicationService/'

/**
 * What every call passes through, outermost (the wire) first:
 * 1. observe: counts the call and how it ended, keeps it in the set of open calls, and gates its reading.
 * 2. authenticate: finds the principal before anything of the request is read, or refuses; then has the request read
 *    within its bounds.
 */
export function interceptors(options: InterceptorOptions): ServerInterceptor[] {
  return [observe(options), authenticate(options)]
}

function observe({ calls, metrics, log }: InterceptorOptions): ServerInterceptor {
  const failures = new FailureLog(log)
  return (method, base) => {
    const path = method.path
    const streaming = method.requestStream || method.responseStream
    const begun = performance.now()
    let traceparent: string | undefined
    let ended = false
    const end = (code: number, details: string) => {
      if (ended) return
      ended = true
      metrics.calls.inc({ method: methodOf(path), code: status[code] ?? String(code) })
      if (!streaming) metrics.callSeconds.observe({ method: methodOf(path) }, (performance.now() - begun) / 1000)
      if (code === status.OK || code === status.CANCELLED) return
      failures.log({ method: path, code: status[code], details, peer: base.getPeer(), ...traceFieldsOf(traceparent) })
    }
    const call: ObservedCall = new ObservedCall(base, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            traceparent = textOf(metadata, 'traceparent')
            pass(metadata)
          },
          onReceiveMessage: (message, pass) => pass(message),
          onReceiveHalfClose: (pass) => pass(),
          // grpc-js says so for every call that is over, however it ended.
          onCancel: () => {
            const late = Number(base.getDeadline()) <= Date.now()
            end(
              late ? status.DEADLINE_EXCEEDED : status.CANCELLED,
              late ? 'deadline exceeded' : 'cancelled by the client',
            )
            calls.remove(call, streaming)
          },
        }),
      sendStatus: (sent, next) => {
        end(sent.code, sent.details)
        next(sent)
      },
    })
    calls.add(call, path, streaming)
    return call
  }
}

function authenticate(options: InterceptorOptions): ServerInterceptor {
  const { authenticator, trust, metrics, log, room, rights, limits } = options
  let openServiceStreams = 0
  return (method, call) => {
    let leave: (() => void) | undefined
    let meter: RequestMeter | undefined
    const path = method.path
    const refuse = (error: unknown) => {
      const { code } = MeshError.from(error)
      metrics.refusals.inc({ reason: code === 'resource_exhausted' ? 'overload' : 'unauthenticated' })
      call.sendStatus(statusOf(error, log, path))
    }
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            try {
              if (!(call instanceof ObservedCall)) throw new MeshError('internal', 'call: is not observed')
              const session = sessionOf(call.base)
              const certificate = peerCertificateOf(session)
              widenWindow(session)
              const accept = ({ principal, expiresAtMs }: Partial<Identity>) => {
                setCallContext(metadata, {
                  path,
                  principal,
                  certificate,
                  expiresAtMs: expiresAtMs ?? Number.POSITIVE_INFINITY,
                  // By this machine's clock, as grpc-js made it of the time that was left.
                  remainingMs: () => Number(call.base.getDeadline()) - Date.now(),
                  traceparent: textOf(metadata, 'traceparent'),
                  call,
                })
                meter = new RequestMeter({
                  ...limits,
                  call,
                  room,
                  stream: streamOf(call.base),
                  caller: principal === undefined ? path : `${principal.kind} ${principal.subject}`,
                  unary: !method.requestStream,
                  refusal: () => largeRequestRefusal(rights, path, principal, certificate?.spiffe),
                  fail: (error) => call.sendStatus(statusOf(error, log, path)),
                })
                pass(metadata)
              }
              if (OPEN_SERVICES.test(path) && (method.requestStream || method.responseStream)) {
                // Unary health checks are not counted: a flood of watches must not make probes fail.
                if (openServiceStreams >= limits.openServiceStreamsMax) throw tooManyOpenStreams()
                openServiceStreams += 1
                leave = () => {
                  openServiceStreams -= 1
                }
              }
              if (OPEN_SERVICES.test(path) || path.startsWith(PEER_SERVICE)) return accept({})
              if (certificate !== undefined && !trust.isOwn(certificate)) throw otherCa(certificate)
              const identity = authenticator.identify(textOf(metadata, 'authorization'), certificate)
              if (identity instanceof Promise) void identity.then(accept).catch(refuse)
              else accept(identity)
            } catch (error) {
              refuse(error)
            }
          },
          onReceiveMessage: (message, pass) => {
            meter?.delivered()
            pass(message)
          },
          onReceiveHalfClose: (pass) => {
            meter?.halfClosed()
            pass()
          },
          onCancel: () => {
            meter?.close()
            leave?.()
            leave = undefined
          },
        }),
    })
  }
}

function tooManyOpenStreams(): MeshError {
  return new MeshError('resource_exhausted', 'call: too many such streams are open, try again', { retryAfterMs: 1000 })
}

/** Good for the peer that has this CA, and for nothing else. */
function otherCa({ x509 }: PeerCertificate): MeshError {
  const issuer = x509.issuer.replaceAll('\n', ', ').slice(0, 200)
  const text = `verify client certificate: it is of another region's CA (issuer ${issuer}), wanted one of this mesh's CA`
  return new MeshError('unauthenticated', text)
}

/** The one value of a metadata key; undefined when there is none. Several values are no value: which would count? */
function textOf(metadata: Metadata, key: string): string | undefined {
  const values = metadata.get(key)
  const [only] = values
  if (values.length > 1) {
    if (key === 'authorization') throw new MeshError('unauthenticated', 'authenticate: several tokens, wanted one')
    return undefined
  }
  return typeof only === 'string' ? only : undefined
}
