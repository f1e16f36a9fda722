import type { ChannelCredentials } from '@grpc/grpc-js'
import type { RegionPeerDocument } from '@landbridge/core'
import type { CertificateSource } from '../../auth/index.ts'
import { peerIdOf } from '../identity/peer-identity.ts'
import { signPeerToken } from '../identity/peer-token.ts'
import { regionId } from '../identity/region-id.ts'
import { openChannel, type PeerChannel, peerCredentials } from '../link/channel.ts'

/** What the channels need. */
export type ForwardChannelsOptions = {
  readonly region: string
  readonly mesh: string
  readonly certificates: CertificateSource
  /** The region's clock, ms since 1970. */
  readonly now: () => number
}

/** A channel that carried nothing for so long is closed. */
const IDLE_MS = 60_000
/** A token is good for 60 s; a new one is made well before. */
const TOKEN_MS = 30_000

type Entry = {
  readonly document: RegionPeerDocument
  readonly channel: PeerChannel
  readonly token: Promise<string>
  readonly tokenEndsAtMs: number
  idle: NodeJS.Timeout | undefined
}

/**
 * Channels to the gateways of other regions for what is handed on, apart from the links: an answer does not wait behind
 * the records of a backlog. One a region, made when it is needed, at the next endpoint after a failure.
 */
export class ForwardChannels implements Disposable {
  readonly #options: ForwardChannelsOptions
  readonly #entries = new Map<string, Entry>()
  /** By document: another one may ask for another certificate. */
  readonly #credentials = new WeakMap<RegionPeerDocument, ChannelCredentials>()
  readonly #failures = new Map<string, number>()

  constructor(options: ForwardChannelsOptions) {
    this.#options = options
  }

  /** The channel to a region and a token for it. @throws what signing throws */
  async to(document: RegionPeerDocument): Promise<{ readonly channel: PeerChannel; readonly token: string }> {
    let entry = this.#entries.get(document.region)
    if (entry === undefined || entry.document !== document || performance.now() >= entry.tokenEndsAtMs) {
      entry = this.#open(document, entry)
    }
    clearTimeout(entry.idle)
    entry.idle = setTimeout(() => this.#close(document.region), IDLE_MS).unref()
    return { channel: entry.channel, token: await entry.token }
  }

  /** A call over the channel failed: the next one dials anew. */
  failed({ region }: RegionPeerDocument, channel: PeerChannel): void {
    if (this.#entries.get(region)?.channel !== channel) return
    this.#failures.set(region, (this.#failures.get(region) ?? 0) + 1)
    this.#close(region)
  }

  /** Closes all of them. */
  close(): void {
    for (const region of [...this.#entries.keys()]) this.#close(region)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #open(document: RegionPeerDocument, before: Entry | undefined): Entry {
    const { region, mesh, certificates, now } = this.#options
    const { region: peer, spec } = document
    const reused = before?.document === document ? before.channel : undefined
    if (reused === undefined) this.#close(peer)
    const credentials = this.#credentials.get(document) ?? peerCredentials(certificates, mesh, document)
    this.#credentials.set(document, credentials)
    const endpoint = spec.endpoints[(this.#failures.get(peer) ?? 0) % spec.endpoints.length] ?? ''
    const { current } = certificates
    const entry: Entry = {
      document,
      channel: reused ?? openChannel(endpoint, credentials, spec.serverName),
      token: signPeerToken(current, current.spiffe ?? regionId(mesh, region), peerIdOf(mesh, document), now()),
      tokenEndsAtMs: performance.now() + TOKEN_MS,
      idle: before?.idle,
    }
    this.#entries.set(peer, entry)
    return entry
  }

  #close(region: string): void {
    const entry = this.#entries.get(region)
    if (entry === undefined) return
    this.#entries.delete(region)
    clearTimeout(entry.idle)
    entry.channel.client.close()
  }
}
