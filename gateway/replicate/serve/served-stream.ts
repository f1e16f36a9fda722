import { exchangeOf, isLabel, MeshError, type Position, START } from '@landbridge/core'
import { type MatchRequest, type PullOpen, RefusalReason, type ReplicateRequest } from '@landbridge/proto'
import type { TopicEntry } from '../../topics.ts'
import { Silence, SilenceWatch } from '../link/silence.ts'
import { admit } from './admit.ts'
import type { ServeContext } from './context.ts'
import { answerMatch } from './match.ts'
import { OwnPull } from './own-pull.ts'
import type { PullPorts, PullRequest, ServedPull } from './pull-request.ts'
import { RelayPull } from './relay-pull.ts'
import { encodeHeartbeat, encodeHoldings, encodeMatch, encodePong, encodeRefused, positionOf } from './responses.ts'

const TICK_MS = 1_000
/** Every idle pull is looked after once in so many ticks. */
const IDLE_ROUNDS = 10
/** Pulls of one stream: far above the topics of a region, far below what would hurt. */
const PULLS_MAX = 16_384
/** Pulls of one topic and origin that a relay hands on for one region: several of its gateways may ask at a time. */
const HANDED_ON_MAX = 8
/** Credit of one pull: more is cut off, so that a peer cannot make us read without end. */
const CREDIT_MAX = 256 * 1024 * 1024
/** Questions of one stream that are being answered. */
const MATCHES_MAX = 64
/** Origins that one stream may watch, and holdings in one message. */
const WATCHED_MAX = 32
const HOLDINGS_MAX = 1_000

/** The gRPC call that carries the stream. */
export type PeerCall = {
  /** False: it takes no more for now; onDrain follows. */
  write(frame: Buffer): boolean
  /** Ends the call, and tells the peer why, if it still hears. */
  end(thrown: MeshError): void
}

/**
 * One Replicate stream of a peer: its pulls, its heartbeat, its back-pressure. One timer for all of them, and one for silence.
 *
 * A peer that does not ping is gone, though it may hear us: what it asks, grants and applies does not come any more.
 */
export class ServedStream {
  readonly #context: ServeContext
  readonly #peer: string
  readonly #call: PeerCall
  readonly #pulls = new Map<number, ServedPull>()
  /** What the open pulls are for. */
  readonly #keys = new Map<string, number>()
  readonly #timer: NodeJS.Timeout
  readonly #silence = new Silence()
  readonly #silenceWatch: SilenceWatch
  readonly #stopFollowing: readonly (() => void)[]
  #blocked = false
  #closed = false
  #wroteMs = 0
  #matches = 0
  #stopWatching: (() => void) | undefined

  constructor(context: ServeContext, peer: string, call: PeerCall) {
    this.#context = context
    this.#peer = peer
    this.#call = call
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#silenceWatch = new SilenceWatch(this.#silence, (why) => this.#silent(why))
    this.#stopFollowing = [
      context.session.onChange(() => this.#interrupt('the connection to NATS changed')),
      context.registry.onChange(() => this.#checkAdmission()),
    ]
    // The first word: the peer knows that it was accepted, and what our clock says.
    this.#write(encodeHeartbeat(context.now()))
  }

  /**
   * Takes one request of the peer.
   * @throws MeshError 'invalid_argument' when it breaks the protocol; the stream must end then.
   */
  take(request: ReplicateRequest): void {
    this.#silence.heard()
    const { case: kind, value } = request.request
    switch (kind) {
      case 'open':
        this.#open(value)
        return
      case 'credit':
        this.#pulls.get(value.pullId)?.grant(Math.min(Number(value.bytes), CREDIT_MAX))
        return
      case 'close':
        this.#drop(value.pullId)
        return
      case 'applied': {
        const pull = this.#pulls.get(value.pullId)
        const position = positionOf(value.position)
        if (pull === undefined || position === undefined) return
        this.#context.positions.applied(pull, position)
        pull.applied(position)
        return
      }
      case 'ping':
        // Not into a line that does not move: it would only say how long that is, and the peer pings again.
        if (!this.#blocked) this.#write(encodePong(value.id))
        return
      case 'match':
        this.#match(value)
        return
      case 'watch':
        this.#watch(value.origins)
        return
      default:
        throw new MeshError('invalid_argument', 'replicate: request says nothing that is known here')
    }
  }

  /** The call takes frames again. */
  onDrain(): void {
    this.#setBlocked(false)
  }

  /** Ends every pull; nothing is written any more. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    this.#silenceWatch.close()
    for (const stop of this.#stopFollowing) stop()
    this.#stopWatching?.()
    for (const id of [...this.#pulls.keys()]) this.#drop(id)
  }

  #silent(why: string): void {
    this.#context.log.info({ peer: this.#peer, reason: why }, 'peer fell silent')
    this.close()
    this.#call.end(new MeshError('unavailable', `replicate: ${why}`))
  }

  #open(asked: PullOpen): void {
    const { pullId: id, topic: topicKey, origin, path } = asked
    const { region, registry } = this.#context
    if (this.#pulls.has(id)) throw new MeshError('invalid_argument', `open pull: id ${id} is in use on this stream`)
    if (this.#pulls.size >= PULLS_MAX) {
      this.#refuse(id, RefusalReason.UNAVAILABLE, `open pull: ${PULLS_MAX} are open on this stream already`)
      return
    }
    const receiver = asked.receiver === '' ? this.#peer : asked.receiver
    const admission = admit(registry, region, { peer: this.#peer, topicKey, origin, receiver, path })
    if (admission.topic === undefined) {
      this.#refuse(id, admission.reason, `open pull: ${admission.message}`)
      return
    }
    const { topic } = admission
    // Each pull reads the store for itself, and a region needs each event once; but its gateways may come through one relay.
    const open = this.#keys.get(keyOf({ topic, origin, receiver })) ?? 0
    if (open >= (path.length === 0 ? 1 : HANDED_ON_MAX)) {
      this.#refuse(id, RefusalReason.UNAVAILABLE, 'open pull: this stream has one of the same topic and origin already')
      return
    }
    this.#begin({
      id,
      topic,
      origin,
      receiver,
      path,
      position: positionOf(asked.position) ?? START,
      scanned: positionOf(asked.scanned),
      skipGap: asked.skipGap,
      creditBytes: Math.min(Number(asked.creditBytes), CREDIT_MAX),
    })
  }

  #begin(request: PullRequest): void {
    const { id, topic, origin, receiver, position } = request
    const context = this.#context
    const { metrics, positions, region } = context
    const labels = { topic: metrics.topicLabel(topic.key), peer: this.#peer }
    const ports: PullPorts = {
      send: (frame) => this.#write(frame),
      onPlaced: () => positions.open(pull, { topic: topic.key, region: receiver, position }),
      onServed: (records) => metrics.served.inc(labels, records),
      onHeld: (by) => metrics.held.inc({ ...labels, by }),
      refuse: (reason, message, first) => {
        if (this.#pulls.get(id) !== pull) return
        this.#drop(id)
        this.#refuse(id, reason, message, first)
      },
    }
    const pull: ServedPull =
      origin === region ? new OwnPull({ ...context, ...request, ...ports }) : new RelayPull(context, request, ports)
    this.#pulls.set(id, pull)
    this.#count(request, 1)
    metrics.servedPulls.inc({ peer: this.#peer })
    if (this.#blocked) pull.setBlocked(true)
    void pull.start()
  }

  #match(request: MatchRequest): void {
    if (this.#matches >= MATCHES_MAX) {
      this.#write(encodeMatch(request.matchId, RefusalReason.UNAVAILABLE))
      return
    }
    this.#matches += 1
    void answerMatch(this.#context, this.#peer, request).then((answer) => {
      this.#matches -= 1
      this.#write(encodeMatch(request.matchId, answer))
    })
  }

  #watch(origins: readonly string[]): void {
    this.#stopWatching?.()
    this.#stopWatching = undefined
    const { holdings, registry, region } = this.#context
    const watched = new Set(origins.filter((origin) => origin !== region && isLabel(origin)).slice(0, WATCHED_MAX))
    if (watched.size === 0) return
    this.#stopWatching = holdings.watch({
      origins: watched,
      covers: (topicKey) => exchangeOf(registry.snapshot, region, this.#peer, topicKey, 'export') === 'allowed',
      onHoldings: (reports) => {
        for (let from = 0; from === 0 || from < reports.length; from += HOLDINGS_MAX) {
          this.#write(encodeHoldings(reports.slice(from, from + HOLDINGS_MAX)))
        }
      },
    })
  }

  #drop(id: number): void {
    const pull = this.#pulls.get(id)
    if (pull === undefined) return
    this.#pulls.delete(id)
    this.#count(pull.request, -1)
    this.#context.positions.close(pull)
    pull.close()
    this.#context.metrics.servedPulls.dec({ peer: this.#peer })
  }

  #count(request: PullRequest, change: 1 | -1): void {
    const key = keyOf(request)
    const count = (this.#keys.get(key) ?? 0) + change
    if (count === 0) this.#keys.delete(key)
    else this.#keys.set(key, count)
  }

  #refuse(id: number, reason: RefusalReason, message: string, first?: Position): void {
    const { log, metrics } = this.#context
    metrics.refused.inc({ peer: this.#peer, reason: RefusalReason[reason] ?? 'unknown' })
    log.info({ peer: this.#peer, reason: RefusalReason[reason], message }, 'pull refused')
    this.#write(encodeRefused(id, reason, message, first))
  }

  #interrupt(why: string): void {
    for (const pull of [...this.#pulls.values()]) pull.interrupt(why)
  }

  /** What was allowed when a pull was opened may not be any more. */
  #checkAdmission(): void {
    const { registry, region } = this.#context
    for (const pull of [...this.#pulls.values()]) {
      const { id, topic, origin, receiver, path } = pull.request
      const question = { peer: this.#peer, topicKey: topic.key, origin, receiver, path }
      const admission = admit(registry, region, question)
      if (admission.topic === undefined) {
        this.#drop(id)
        this.#refuse(id, admission.reason, `open pull: ${admission.message}`)
      } else if (!sameSource(admission.topic, topic)) {
        pull.interrupt('the topic was changed')
      }
    }
  }

  #write(frame: Buffer): void {
    if (this.#closed) return
    this.#wroteMs = this.#context.now()
    if (!this.#call.write(frame)) this.#setBlocked(true)
  }

  #setBlocked(blocked: boolean): void {
    if (this.#blocked === blocked) return
    this.#blocked = blocked
    for (const pull of this.#pulls.values()) pull.setBlocked(blocked)
  }

  #tick(): void {
    // By the clock and the topic: the idle pulls of all peers look at a topic together, and share one reading of it.
    const turn = Math.floor(this.#context.now() / TICK_MS) % IDLE_ROUNDS
    for (const pull of this.#pulls.values()) {
      if (pull.behind || turnOf(pull.request.topic.key) === turn) void pull.tick()
    }
    // Also while blocked: it waits in line behind the records, and arrives when they do.
    const nowMs = this.#context.now()
    if (nowMs - this.#wroteMs >= TICK_MS * 0.9 && !this.#blocked) this.#write(encodeHeartbeat(nowMs))
  }
}

/** Spreads topics over the rounds. */
function turnOf(topicKey: string): number {
  let sum = 0
  for (let index = 0; index < topicKey.length; index += 1) sum = (sum * 31 + topicKey.charCodeAt(index)) % 65_521
  return sum % IDLE_ROUNDS
}

type PullKey = Pick<PullRequest, 'topic' | 'origin' | 'receiver'>

function keyOf({ topic, origin, receiver }: PullKey): string {
  return `${topic.key} ${origin} ${receiver}`
}

/** Whether all that a served pull depends on is the same; documents are read anew at every change of any of them. */
function sameSource(now: TopicEntry, before: TopicEntry): boolean {
  return now.stream === before.stream && sourceOf(now) === sourceOf(before)
}

function sourceOf({ document: { spec } }: TopicEntry): string {
  const { ageMs, bytes, events } = spec.retention
  return JSON.stringify([ageMs, bytes, events, spec.egress])
}
