import { type ClientDuplexStream, Metadata, type StatusObject } from '@grpc/grpc-js'
import { MeshError, type Position, type RawRecord, readReplicateResponse } from '@landbridge/core'
import {
  grpcMethods,
  type MatchResponse,
  type PullHead,
  type PullRefused,
  type PullSkipped,
  type ReplicateRequest,
  ReplicationService,
  rawCodec,
} from '@landbridge/proto'
import { PEER_TOKEN_KEY } from '../identity/peer-token.ts'
import type { PeerChannel } from './channel.ts'
import { type MatchAnswer, type MatchQuestion, OpenMatches } from './open-matches.ts'
import {
  appliedRequest,
  closeRequest,
  creditRequest,
  type MatchQuestion,
  matchRequest,
  type OpenRequest,
  openRequest,
} from './requests.ts'

/** What comes over the link for one pull. None of them may throw. */
export type PullListener = {
  onRecords(records: readonly RawRecord[]): void
  onHead(head: PullHead): void
  /** Records were looked at that are not for the receiver. Default: nothing is done. */
  onSkipped?(skipped: PullSkipped): void
  /** The pull is over; the link is not. */
  onRefused(refusal: PullRefused): void
  /** The link is gone, and the pull with it. */
  onDown(reason: string): void
}

/** An open pull, as its owner steers it. Everything is without effect once it is over. */
export type PullHandle = {
  grant(bytes: number): void
  applied(position: Position): void
  close(): void
}

const method = grpcMethods(ReplicationService).replicate

/** Time without a byte after which a link is dead: the server has data on its way, or speaks each second. */
const SILENCE_MS = 2_600
/** Time without a whole message after which a link is useless, though bytes trickle: an event of 8 MiB at 28 KB/s. */
const MESSAGE_SILENCE_MS = 300_000
/** The first word must come sooner: it is what a healed link waits for. */
const FIRST_WORD_MS = 2_000
const WATCH_MS = 200
/** A question that is handed on through several relays may take as long as one of their links takes to be given up. */
const MATCH_MS_MAX = 5_000
/** Questions that wait for their answers; a repair asks one at a time. */
const MATCHES_MAX = 256

/**
 * One Replicate stream to a gateway of a peer.
 *
 * 1. `onUp` is called when the first frame came: the peer accepted us. `onEnd` is called exactly once.
 * 2. A peer of whom no byte comes for 3 s is taken for dead, whatever TCP believes. While bytes come, a message may take
 *    its time, up to 5 minutes.
 * 3. When it ends, every open pull is told once.
 */
export class LinkStream {
  readonly #channel: PeerChannel
  readonly #call: ClientDuplexStream<ReplicateRequest, Buffer>
  readonly #now: () => number
  readonly #events: { onUp(): void; onEnd(reason: string): void }
  readonly #pulls = new Map<number, PullListener>()
  readonly #matches = new OpenMatches()
  readonly #matches = new Map<number, (response: MatchResponse | undefined) => void>()
  readonly #watch: NodeJS.Timeout
  #nextId = 1
  /** When a whole message last came. */
  #heardMs: number
  /** When bytes last came, and how many had come by then. */
  #contactMs: number
  #receivedBytes = 0
  #everHeard = false
  #ended = false
  /** What to add to our clock to get the peer's, in ms. */
  #clockOffsetMs = 0

  constructor(options: {
    readonly channel: PeerChannel
    readonly token: string
    readonly now: () => number
    onUp(): void
    onEnd(reason: string): void
  }) {
    this.#channel = options.channel
    this.#events = options
    this.#now = options.now
    this.#heardMs = options.now()
    this.#contactMs = this.#heardMs
    const metadata = new Metadata()
    metadata.set(PEER_TOKEN_KEY, options.token)
    this.#call = this.#channel.client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      rawCodec.deserialize,
      metadata,
      {},
    )
    this.#call.on('data', (frame: Buffer) => this.#take(frame))
    this.#call.on('error', (status: Partial<StatusObject>) => this.end(status.details ?? 'the stream failed'))
    this.#call.on('end', () => this.end('the peer ended the stream'))
    this.#watch = setInterval(() => this.#checkSilence(), WATCH_MS)
  }

  /** When a whole message last came, ms since 1970; undefined if none did. What the peer said is no newer. */
  get lastContactMs(): number | undefined {
    return this.#everHeard ? this.#heardMs : undefined
  }

  /** What the peer's clock says now, ms since 1970: late by the way of the last heartbeat. */
  get peerNowMs(): number {
    return this.#now() + this.#clockOffsetMs
  }

  get pulls(): number {
    return this.#pulls.size
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Opens a pull. A stream that has ended tells the listener in a microtask. */
  open(request: OpenRequest, listener: PullListener): PullHandle {
    if (this.#ended) {
      queueMicrotask(() => listener.onDown('the link is down'))
      return { grant: () => undefined, applied: () => undefined, close: () => undefined }
    }
    const id = this.#nextId
    this.#nextId += 1
    this.#pulls.set(id, listener)
    this.#send(openRequest(id, request))
    const whileOpen = (make: () => ReplicateRequest) => {
      if (this.#pulls.get(id) === listener) this.#send(make())
    }
    return {
      grant: (bytes) => whileOpen(() => creditRequest(id, bytes)),
      applied: (position) => whileOpen(() => appliedRequest(id, position)),
      close: () => {
        whileOpen(() => closeRequest(id))
        if (this.#pulls.get(id) === listener) this.#pulls.delete(id)
      },
    }
  }

  /** Asks which records an origin has; undefined when there is no answer in time. */
  match(question: MatchQuestion): Promise<MatchResponse | undefined> {
    if (this.#ended || this.#matches.size >= MATCHES_MAX) return Promise.resolve(undefined)
    const id = this.#nextId
    this.#nextId += 1
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(undefined), MATCH_MS_MAX)
      const settle = (response: MatchResponse | undefined) => {
        clearTimeout(timer)
        this.#matches.delete(id)
        resolve(response)
      }
      this.#matches.set(id, settle)
      this.#send(matchRequest(id, question))
    })
  }

  /** Asks which records the origin still has. Resolves with UNAVAILABLE when no answer comes; never rejects. */
  match(question: MatchQuestion): Promise<MatchAnswer> {
    return this.#matches.ask(question, (request) => this.#send(request))
  }

  /** Ends the stream and its channel. Idempotent. */
  end(reason: string): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#watch)
    this.#call.cancel()
    this.#channel.client.close()
    const listeners = [...this.#pulls.values()]
    this.#pulls.clear()
    for (const listener of listeners) listener.onDown(reason)
    this.#matches.end()
    for (const settle of [...this.#matches.values()]) settle(undefined)
    this.#events.onEnd(reason)
  }

  #send(request: ReplicateRequest): void {
    if (!this.#ended) this.#call.write(request)
  }

  #take(frame: Buffer): void {
    if (this.#ended) return
    this.#heardMs = this.#now()
    this.#contactMs = this.#heardMs
    if (!this.#everHeard) {
      this.#everHeard = true
      this.#events.onUp()
    }
    const response = readReplicateResponse(frame)
    if (response.error !== undefined) {
      this.end(response.error.message)
      return
    }
    const { value } = response
    if (value.kind === 'records') {
      this.#pulls.get(value.pullId)?.onRecords(value.records)
      return
    }
    const { case: kind, value: message } = value.message.response
    switch (kind) {
      case 'head':
        this.#pulls.get(message.pullId)?.onHead(message)
        return
      case 'skipped':
        this.#pulls.get(message.pullId)?.onSkipped?.(message)
        return
      case 'match':
        this.#matches.take(message)
        return
      case 'refused': {
        const listener = this.#pulls.get(message.pullId)
        this.#pulls.delete(message.pullId)
        listener?.onRefused(message)
        return
      }
      case 'match':
        this.#matches.get(message.matchId)?.(message)
        return
      case 'heartbeat': {
        const seconds = Number(message.time?.seconds ?? 0n)
        if (seconds > 0) this.#clockOffsetMs = seconds * 1_000 + (message.time?.nanos ?? 0) / 1e6 - this.#heardMs
        return
      }
    }
  }

  #checkSilence(): void {
    if (this.#silence() === undefined) return
    // After a stall of this process what came meanwhile still waits in the socket: look once more behind it.
    setImmediate(() => {
      const silence = this.#silence()
      if (silence !== undefined) this.end(silence)
    })
  }

  /** What is missing for too long; undefined while nothing is. */
  #silence(): string | undefined {
    const nowMs = this.#now()
    const received = this.#channel.receivedBytes()
    if (received !== this.#receivedBytes) {
      this.#receivedBytes = received
      this.#contactMs = nowMs
    }
    const unheardMs = nowMs - this.#heardMs
    // Until the first message bytes say nothing: those of a handshake may come from what is not our peer.
    if (!this.#everHeard) return unheardMs >= FIRST_WORD_MS ? `nothing was heard for ${FIRST_WORD_MS} ms` : undefined
    if (nowMs - this.#contactMs >= SILENCE_MS) return `nothing was heard for ${SILENCE_MS} ms`
    return unheardMs >= MESSAGE_SILENCE_MS ? `no whole message came for ${MESSAGE_SILENCE_MS} ms` : undefined
  }
}

/** Why a link is not up, for people. */
export function linkProblem(thrown: unknown): string {
  return MeshError.from(thrown).message
}
