import { type ClientDuplexStream, Metadata, type StatusObject } from '@grpc/grpc-js'
import { MeshError, type Position, type RawRecord, readReplicateResponse } from '@landbridge/core'
import {
  grpcMethods,
  type Holding,
  type PullHead,
  type PullRefused,
  type PullSkipped,
  type ReplicateRequest,
  type ReplicateResponse,
  ReplicationService,
  rawCodec,
} from '@landbridge/proto'
import { PEER_TOKEN_KEY } from '../identity/peer-token.ts'
import type { PeerChannel } from './channel.ts'
import { type MatchAnswer, type MatchQuestion, Questions } from './questions.ts'
import {
  appliedRequest,
  closeRequest,
  creditRequest,
  matchRequest,
  type OpenRequest,
  openRequest,
  pingRequest,
  watchRequest,
} from './requests.ts'
import { RoundTrip } from './round-trip.ts'
import { Silence, SilenceWatch } from './silence.ts'

/** What comes over the link for one pull. None of them may throw. */
export type PullListener = {
  onRecords(records: readonly RawRecord[]): void
  /** Records up to there are not for us. */
  onSkipped?(skipped: PullSkipped): void
  onHead(head: PullHead): void
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

/** Who hears of a stream. None of them may throw. */
export type LinkEvents = {
  /** The first frame came: the peer accepted us. */
  onUp(): void
  /** Called exactly once. */
  onEnd(reason: string): void
  /** What the peer holds of the origins that are watched. */
  onHoldings?(holdings: readonly Holding[]): void
}

const method = grpcMethods(ReplicationService).replicate

/** A ping measures the way, and tells the peer that we are there: it takes us for dead as we do it. */
const PING_MS = 1_000

/**
 * One Replicate stream to a gateway of a peer.
 *
 * 1. `onUp` is called when the first frame came: the peer accepted us. `onEnd` is called exactly once.
 * 2. A peer of whom no byte comes for 3 s is taken for dead, whatever TCP believes. While bytes come, a message may take
 *    its time, up to 5 minutes. The peer hears of us each second, and ends the stream if it does not: a link may be dead in
 *    one direction only.
 * 3. When it ends, every open pull is told once, and every question fails.
 */
export class LinkStream {
  readonly #channel: PeerChannel
  readonly #call: ClientDuplexStream<ReplicateRequest, Buffer>
  readonly #now: () => number
  readonly #events: LinkEvents
  readonly #pulls = new Map<number, PullListener>()
  readonly #questions = new Questions()
  readonly #roundTrip = new RoundTrip()
  readonly #silence: Silence
  readonly #watch: SilenceWatch
  readonly #pings: NodeJS.Timeout
  #nextId = 1
  #beats = 0
  #ended = false
  #paused = false
  /** What to add to our clock to get the peer's, in ms. */
  #clockOffsetMs = 0

  constructor(
    options: LinkEvents & { readonly channel: PeerChannel; readonly token: string; readonly now: () => number },
  ) {
    this.#channel = options.channel
    this.#events = options
    this.#now = options.now
    this.#silence = new Silence(() => this.#channel.receivedBytes())
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
    this.#watch = new SilenceWatch(this.#silence, (why) => this.end(why))
    this.#pings = setInterval(() => this.#ping(), PING_MS)
  }

  /** When a whole message last came, ms since 1970; undefined if none did. What the peer said is no newer. */
  get lastContactMs(): number | undefined {
    return this.#silence.everHeard ? this.#now() - this.#silence.heardAgoMs : undefined
  }

  /** How far the peer's clock is ahead of ours, ms: too little by the way of the last heartbeat. */
  get peerAheadMs(): number {
    return this.#clockOffsetMs
  }

  /** What the peer's clock says now, ms since 1970: late by the way of the last heartbeat. */
  get peerNowMs(): number {
    return this.#now() + this.#clockOffsetMs
  }

  /** The way there and back, ms; undefined while not measured. */
  get rttMs(): number | undefined {
    return this.#roundTrip.ms
  }

  /** How many heartbeats came. */
  get beats(): number {
    return this.#beats
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

  /**
   * Asks which of some records the origin still has; one answer a position.
   * @throws MeshError 'unavailable' when nobody can say now, 'permission_denied' when it may not be asked
   */
  match(question: MatchQuestion): Promise<readonly MatchAnswer[]> {
    if (this.#ended) return Promise.reject(new MeshError('unavailable', 'match records: the link is down'))
    return this.#questions.ask(question.positions.length, (id) => this.#send(matchRequest(id, question)))
  }

  /** Asks for what the peer holds of these origins, from now on; none ends it. */
  watch(origins: readonly string[]): void {
    this.#send(watchRequest(origins))
  }

  /** Takes nothing more, or goes on. Meanwhile silence means nothing. */
  setPaused(paused: boolean): void {
    if (this.#paused === paused || this.#ended) return
    this.#paused = paused
    this.#silence.suspend(paused)
    if (paused) this.#call.pause()
    else this.#call.resume()
  }

  /** Ends the stream and its channel. Idempotent. */
  end(reason: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#watch.close()
    clearInterval(this.#pings)
    this.#call.cancel()
    this.#channel.client.close()
    const listeners = [...this.#pulls.values()]
    this.#pulls.clear()
    this.#questions.end(reason)
    for (const listener of listeners) listener.onDown(reason)
    this.#events.onEnd(reason)
  }

  #send(request: ReplicateRequest): void {
    if (!this.#ended) this.#call.write(request)
  }

  #take(frame: Buffer): void {
    if (this.#ended) return
    const first = !this.#silence.everHeard
    this.#silence.heard()
    if (first) {
      this.#events.onUp()
      this.#ping()
    }
    const response = readReplicateResponse(frame)
    if (response.error !== undefined) {
      this.end(response.error.message)
      return
    }
    const { value } = response
    if (value.kind === 'records') this.#pulls.get(value.pullId)?.onRecords(value.records)
    else this.#takeMessage(value.message)
  }

  #takeMessage({ response: { case: kind, value: message } }: ReplicateResponse): void {
    switch (kind) {
      case 'head':
        this.#pulls.get(message.pullId)?.onHead(message)
        return
      case 'skipped':
        this.#pulls.get(message.pullId)?.onSkipped?.(message)
        return
      case 'refused': {
        const listener = this.#pulls.get(message.pullId)
        this.#pulls.delete(message.pullId)
        listener?.onRefused(message)
        return
      }
      case 'match':
        this.#questions.take(message)
        return
      case 'holdings':
        this.#events.onHoldings?.(message.holdings)
        return
      case 'pong':
        this.#roundTrip.pong(message.id)
        return
      case 'heartbeat': {
        this.#beats += 1
        const seconds = Number(message.time?.seconds ?? 0n)
        if (seconds > 0) this.#clockOffsetMs = seconds * 1_000 + (message.time?.nanos ?? 0) / 1e6 - this.#now()
        return
      }
    }
  }

  #ping(): void {
    if (this.#silence.everHeard) this.#send(pingRequest(this.#roundTrip.ping()))
  }
}

/** Why a link is not up, for people. */
export function linkProblem(thrown: unknown): string {
  return MeshError.from(thrown).message
}
