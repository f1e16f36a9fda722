import type { ChannelCredentials } from '@grpc/grpc-js'
import type { RegionPeerDocument } from '@landbridge/core'
import type { CertificateSource } from '../../auth/index.ts'
import type { Log } from '../../telemetry/index.ts'
import { Backoff } from '../backoff.ts'
import { signPeerToken } from '../identity/peer-token.ts'
import { regionId } from '../identity/region-id.ts'
import { openChannel, peerCredentials } from './channel.ts'
import { LinkStream, linkProblem } from './link-stream.ts'

/** What a link needs. */
export type PeerLinkOptions = {
  readonly peer: RegionPeerDocument
  /** This region. */
  readonly region: string
  readonly mesh: string
  readonly certificates: CertificateSource
  readonly log: Log
  readonly now: () => number
  readonly random: () => number
}

type State =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly stream: LinkStream }
  | { readonly kind: 'disconnected'; readonly reason: string }

/** Short, so that events flow within 2 s after a cut link heals. */
const RECONNECT = { minMs: 50, maxMs: 1_000 } as const
/** A link that stood this long begins again with the shortest wait. */
const STEADY_MS = 5_000

/**
 * The link to one peer: one channel and one Replicate stream, made again for ever with backoff and jitter, over the
 * peer's endpoints in turn.
 */
export class PeerLink implements AsyncDisposable {
  readonly region: string
  readonly #options: PeerLinkOptions
  readonly #credentials: ChannelCredentials
  readonly #backoff: Backoff
  readonly #waiting = new Set<(stream: LinkStream) => void>()
  #state: State = { kind: 'connecting' }
  #stream: LinkStream | undefined
  #timer: NodeJS.Timeout | undefined
  #attempts = 0
  #upMs = 0
  #lastContactMs: number | undefined
  #closed = false

  constructor(options: PeerLinkOptions) {
    this.region = options.peer.region
    this.#options = options
    this.#credentials = peerCredentials(options.certificates, options.mesh, options.peer.region)
    this.#backoff = new Backoff(RECONNECT, options.random)
    void this.#connect()
  }

  get state(): State['kind'] {
    return this.#state.kind
  }

  /** Why it is not connected; empty when it is. */
  get reason(): string {
    return this.#state.kind === 'disconnected' ? this.#state.reason : ''
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

  /** Resolves with the stream once it stands; rejects when `signal` aborts. */
  whenUp(signal: AbortSignal): Promise<LinkStream> {
    if (this.#state.kind === 'connected') return Promise.resolve(this.#state.stream)
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const up = (stream: LinkStream) => {
        signal.removeEventListener('abort', abort)
        resolve(stream)
      }
      const abort = () => {
        this.#waiting.delete(up)
        reject(signal.reason)
      }
      this.#waiting.add(up)
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  /** Ends the link and every pull on it. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#timer)
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
      const token = await signPeerToken(current, from, regionId(mesh, peer.region), now())
      if (this.#closed) return
      const stream: LinkStream = new LinkStream({
        channel: openChannel(endpoint, this.#credentials, serverName),
        token,
        now,
        onUp: () => this.#up(stream, endpoint),
        onEnd: (reason) => this.#down(reason, endpoint),
      })
      this.#stream = stream
    } catch (thrown) {
      this.#down(linkProblem(thrown), endpoint)
    }
  }

  #up(stream: LinkStream, endpoint: string): void {
    this.#setState({ kind: 'connected', stream })
    this.#upMs = this.#options.now()
    this.#options.log.info({ peer: this.region, endpoint }, 'link to peer is up')
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resolve of waiting) resolve(stream)
  }

  #down(reason: string, endpoint: string): void {
    const { log, now } = this.#options
    this.#lastContactMs = this.#stream?.lastContactMs ?? this.#lastContactMs
    this.#stream = undefined
    if (this.#state.kind === 'connected' && now() - this.#upMs >= STEADY_MS) this.#backoff.reset()
    // A peer that stays away is said once, not at each attempt.
    const known = this.#state.kind === 'disconnected' && this.#state.reason === reason
    if (!known && !this.#closed) log.warn({ peer: this.region, endpoint, reason }, 'link to peer is down')
    this.#setState({ kind: 'disconnected', reason })
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.#connect(), this.#backoff.next())
  }

  #setState(state: State): void {
    this.#state = state
  }
}
