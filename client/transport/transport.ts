import { Metadata } from '@grpc/grpc-js'
import { MeshError, quote } from '@landbridge/core'
import { isRetryable } from '../errors.ts'
import { type CallOptions, Scope } from '../scope.ts'
import type { TlsOptions } from './credentials.ts'
import { type EndpointInput, parseEndpoint } from './endpoint.ts'
import { type ClientMethod, Link, sameRegion } from './link.ts'
import { TlsSource } from './tls-source.ts'
import { type TokenProvider, TokenSource } from './token.ts'

/** What a transport needs. */
export type TransportOptions = {
  /** Home first. */
  readonly endpoints: readonly EndpointInput[]
  readonly tls: TlsOptions
  readonly token: string | TokenProvider | undefined
  /** Time of an operation, milliseconds. */
  readonly timeoutMs: number
  /** Time of the first attempt of an operation at one endpoint, milliseconds. */
  readonly attemptTimeoutMs: number
  /** Time after which a unary operation ends because nothing could be reached, milliseconds. Default: that of the operation. */
  readonly reachTimeoutMs?: number | undefined
  /** Random number in [0, 1). */
  readonly random: () => number
}

/** Endpoints of one client at most. */
const ENDPOINTS_MAX = 64

/**
 * The links to every endpoint, and the token that calls carry.
 *
 * 1. Links are preferred in the order of the endpoints; one that failed comes after those that did not.
 * 2. `close` ends every operation that is open.
 */
export class Transport {
  /** In the order of the endpoints. */
  readonly links: readonly Link[]
  readonly timeoutMs: number
  readonly attemptTimeoutMs: number
  readonly reachTimeoutMs: number | undefined
  readonly random: () => number
  readonly #tokens: TokenSource
  readonly #scopes = new Set<Scope>()
  #closed = false

  /** @throws MeshError 'invalid_argument'. */
  constructor(options: TransportOptions) {
    const { endpoints, tls, random } = options
    if (endpoints.length < 1 || endpoints.length > ENDPOINTS_MAX) {
      throw new MeshError(
        'invalid_argument',
        `connect: has ${endpoints.length} endpoints, wanted 1 to ${ENDPOINTS_MAX}`,
      )
    }
    const source = new TlsSource(tls, () => performance.now())
    const parsed = endpoints.map(parseEndpoint)
    this.links = parsed.map((endpoint) => new Link({ endpoint, tls: source, random }))
    this.timeoutMs = options.timeoutMs
    this.attemptTimeoutMs = options.attemptTimeoutMs
    this.reachTimeoutMs = options.reachTimeoutMs
    this.random = random
    this.#tokens = new TokenSource(options.token)
  }

  /** The time of one operation; ends when the transport is closed. @throws MeshError when it is closed already. */
  scope(what: string, options: CallOptions = {}): Scope {
    this.check(what)
    const timeoutMs = options.timeoutMs ?? this.timeoutMs
    if (!(timeoutMs > 0)) {
      throw new MeshError('invalid_argument', `${what}: timeoutMs is ${timeoutMs}, wanted more than 0`)
    }
    return new Scope(what, { signal: options.signal, timeoutMs, open: this.#scopes })
  }

  /** @throws MeshError 'cancelled' when it is closed. */
  check(what: string): void {
    if (this.#closed) throw closedError(what)
  }

  /**
   * The best link that was not tried yet: the first that nothing speaks against, else the one whose wait ends first.
   * Undefined when all were tried.
   */
  pick(tried: ReadonlySet<Link>, among: readonly Link[] = this.links): Link | undefined {
    const now = performance.now()
    let best: Link | undefined
    for (const link of among) {
      if (tried.has(link)) continue
      if (link.available(now)) {
        best = link
        break
      }
      if (best === undefined || link.retryAt < best.retryAt) best = link
    }
    best?.use(now)
    return best
  }

  /**
   * True for an error that ends an operation. What a region refuses that stands in for home does not: it may not have
   * heard yet of a topic or a policy that home knows. But a malformed request is so everywhere.
   */
  isFinal(error: MeshError, link: Link, among: readonly Link[] = this.links): boolean {
    if (isRetryable(error)) return false
    const [home] = among
    return (
      error.code === 'invalid_argument' || error.code === 'cancelled' || home === undefined || sameRegion(home, link)
    )
  }

  /** The links of an address or a region. @throws MeshError 'invalid_argument' when there is none. */
  linksOf(name: string): readonly Link[] {
    const found = this.links.filter((link) => link.endpoint.address === name || link.region === name)
    if (found.length > 0) return found
    const known = this.links.map((link) => link.endpoint.address).join(', ')
    throw new MeshError('invalid_argument', `endpoint: is ${quote(name)}, wanted one of ${known} or the region of one`)
  }

  /** Metadata of a call that begins now. Throws the signal's reason when it aborts before there is a token. */
  async metadata(signal: AbortSignal): Promise<Metadata> {
    const token = await this.#tokens.get(signal)
    const metadata = new Metadata()
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
    return metadata
  }

  /** Forgets a token that was refused; true when a new one can be had. */
  refreshToken(): boolean {
    this.#tokens.invalidate()
    return this.#tokens.refreshable
  }

  /** One attempt of a unary call; a refused token is replaced once, if that can be done. */
  async unary<Request, Response>(
    link: Link,
    method: ClientMethod<Request, Response>,
    request: Request,
    call: { readonly what: string; readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<Response> {
    try {
      return await link.unary(method, request, { ...call, metadata: await this.metadata(call.signal) })
    } catch (error) {
      const refused = error instanceof MeshError && error.code === 'unauthenticated'
      if (!refused || !this.refreshToken()) throw error
      return await link.unary(method, request, { ...call, metadata: await this.metadata(call.signal) })
    }
  }

  /** Ends every operation and connection. */
  close(): void {
    this.#closed = true
    for (const scope of [...this.#scopes]) scope.abort(closedError(scope.what))
    for (const link of this.links) link.close()
  }
}

function closedError(what: string): MeshError {
  return new MeshError('cancelled', `${what}: the client is closed`)
}
