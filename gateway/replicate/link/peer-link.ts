import type { ChannelCredentials } from '@grpc/grpc-js'
import type { RegionPeerDocument } from '@landbridge/core'
import type { Holding } from '@landbridge/proto'
import type { CertificateSource } from '../../auth/index.ts'
import type { Log } from '../../telemetry/index.ts'
import { peerIdOf } from '../identity/peer-identity.ts'
import { signPeerToken } from '../identity/peer-token.ts'
import { regionId } from '../identity/region-id.ts'
import { openChannel, peerCredentials } from './channel.ts'
import { DialBreaker } from './dial-breaker.ts'
import { dialProblem } from './dial-problem.ts'
import { LinkStream, linkProblem } from './link-stream.ts'

/** Who hears of a link. None of them may throw. */
export type PeerLinkEvents = {
  /** It came up, or went down. */
  onChange(link: PeerLink): void
  /** What the peer holds of the origins that are watched. */
  onHoldings(link: PeerLink, holdings: readonly Holding[]): void
}

/** What a link needs. */
export type PeerLinkOptions = PeerLinkEvents & {
  readonly peer: RegionPeerDocument
  /** This region. */
  readonly region: string
  readonly mesh: string
  readonly certificates: CertificateSource
  readonly log: Log
  /** The region's clock, ms since 1970. */
  readonly now: () => number
  /** 0 (included) to 1 (excluded). */
  readonly random: () => number
}

type State =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly stream: LinkStream; readonly upAt: number }
  | { readonly kind: 'disconnected'; readonly reason: string }

/** A link that stood this long begins again with the shortest wait. */
const STEADY_MS = 5_000

/**
 * The link to one peer: one channel and one Replicate stream, made again for ever behind a breaker, over the peer's
 * endpoints in turn, beginning with any of them.
 */
export class PeerLink implements AsyncDisposable {
  readonly region: string
  readonly #options: PeerLinkOptions
  readonly #credentials: ChannelCredentials
  readonly #breaker: DialBreaker
  #state: State = { kind: 'connecting' }
  #stream: LinkStream | undefined
  #attempts: number
  #lastContactMs: number | undefined
  #closed = false

  constructor(options: PeerLinkOptions) {
    const { peer, certificates, mesh, random } = options
    this.region = peer.region
    this.#options = options
    this.#attempts = Math.floor(random() * peer.spec.endpoints.length)
    this.#credentials = peerCredentials(certificates, mesh, peer)
    this.#breaker = new DialBreaker({ name: peer.region, random, dial: () => void this.#connect() })
    this.#breaker.start()
  }

  get state(): State['kind'] {
    return this.#state.kind
  }

  /** The stream while the link is up. */
  get stream(): LinkStream | undefined {
    return this.#state.kind === 'connected' ? this.#state.stream : undefined
  }

  /** Why it is not connected; empty when it is. */
  get reason(): string {
    if (this.#state.kind !== 'disconnected') return ''
    return this.#breaker.open ? `${this.#state.reason} (breaker open)` : this.#state.reason
  }

  /** When something last came, ms since 1970; undefined if never. */
  get lastContactMs(): number | undefined {
    return this.#stream?.lastContactMs ?? this.#lastContactMs
  }

  get endpoints(): readonly string[] {
    return this.#options.peer.spec.endpoints
  }

  get pulls(): number {
    return this.#stream?.pulls ?? 0
  }

  /** Ends the link and every pull on it. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#breaker.close()
    this.#stream?.end('this gateway closed the link')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #connect(): Promise<void> {
    const { peer, region, mesh, certificates, now } = this.#options
    const { endpoints, serverName } = peer.spec
    const endpoint = endpoints[this.#attempts % endpoints.length] ?? ''
    this.#attempts += 1
    try {
      const { current } = certificates
      const from = current.spiffe ?? regionId(mesh, region)
      const token = await signPeerToken(current, from, peerIdOf(mesh, peer), now())
      if (this.#closed) return
      const stream: LinkStream = new LinkStream({
        channel: openChannel(endpoint, this.#credentials, serverName),
        token,
        now,
        onUp: () => this.#up(stream, endpoint),
        onEnd: (reason) => this.#down(dialProblem(reason), endpoint),
        onHoldings: (holdings) => this.#options.onHoldings(this, holdings),
      })
      this.#stream = stream
    } catch (thrown) {
      this.#down(linkProblem(thrown), endpoint)
    }
  }

  #up(stream: LinkStream, endpoint: string): void {
    this.#setState({ kind: 'connected', stream, upAt: performance.now() })
    this.#options.log.info({ peer: this.region, endpoint }, 'link to peer is up')
    this.#breaker.up()
    this.#options.onChange(this)
  }

  #down(reason: string, endpoint: string): void {
    const before = this.#state
    this.#lastContactMs = this.#stream?.lastContactMs ?? this.#lastContactMs
    this.#stream = undefined
    this.#setState({ kind: 'disconnected', reason })
    if (this.#closed) return
    // A peer that stays away is said once, not at each attempt.
    const known = before.kind === 'disconnected' && before.reason === reason
    if (!known) this.#options.log.warn({ peer: this.region, endpoint, reason }, 'link to peer is down')
    if (before.kind === 'connected' && performance.now() - before.upAt >= STEADY_MS) this.#breaker.steady()
    this.#breaker.down(reason)
    if (before.kind === 'connected') this.#options.onChange(this)
  }

  #setState(state: State): void {
    this.#state = state
  }
}
