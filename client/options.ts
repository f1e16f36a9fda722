import { MeshError } from '@landbridge/core'
import type { TlsOptions } from './transport/credentials.ts'
import type { EndpointInput } from './transport/endpoint.ts'
import type { TokenProvider } from './transport/token.ts'

/** How to reach the mesh. */
export type ConnectOptions = {
  /**
   * Gateways, home region first: "host:port" or "region=host:port" each, 1 to 64. Calls go to the first that works; when
   * home is healthy again they go back. Naming the regions lets a retry at another gateway of one region be known as such.
   */
  readonly endpoints: readonly EndpointInput[]
  /** Certificates. Default: the authorities that Node trusts, and no client certificate. */
  readonly tls?: TlsOptions | undefined
  /** Bearer token, or a function that gives one and is asked again before it expires. Default: none. */
  readonly token?: string | TokenProvider | undefined
  /** `source` of events that have none. Default: every event must have one. */
  readonly source?: string | undefined
  /** Time of an operation, retries included, milliseconds. Default 30,000. */
  readonly timeoutMs?: number | undefined
  /**
   * Time of an operation's first attempt at an endpoint before the next one is tried, milliseconds; later attempts get
   * longer. Default 1,500 with several endpoints, 5,000 with one.
   */
  readonly attemptTimeoutMs?: number | undefined
  /**
   * Time after which an operation ends although there is some left, because no gateway could be reached so far,
   * milliseconds; at once when their certificates are not trusted. For people who wait: services go on trying. Default:
   * `timeoutMs`, whatever the reason.
   */
  readonly reachTimeoutMs?: number | undefined
}

/** Checked options with every default in place. */
export type MeshSettings = {
  readonly endpoints: readonly EndpointInput[]
  readonly tls: TlsOptions
  readonly token: string | TokenProvider | undefined
  readonly source: string | undefined
  readonly timeoutMs: number
  readonly attemptTimeoutMs: number
  readonly reachTimeoutMs: number | undefined
}

/** Fills in defaults. @throws MeshError 'invalid_argument'. */
export function meshSettings(options: ConnectOptions): MeshSettings {
  const { endpoints, tls = {}, token, source, timeoutMs = 30_000, reachTimeoutMs } = options
  const attemptTimeoutMs = options.attemptTimeoutMs ?? (endpoints.length > 1 ? 1_500 : 5_000)
  for (const [name, value] of Object.entries({
    timeoutMs,
    attemptTimeoutMs,
    reachTimeoutMs: reachTimeoutMs ?? timeoutMs,
  })) {
    if (!(value > 0)) throw new MeshError('invalid_argument', `connect: ${name} is ${value}, wanted more than 0`)
  }
  if (source === '') throw new MeshError('invalid_argument', 'connect: source is empty, wanted a URI-reference')
  return Object.freeze({ endpoints, tls, token, source, timeoutMs, attemptTimeoutMs, reachTimeoutMs })
}
