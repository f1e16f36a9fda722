import { MeshError, type Position, START } from '@landbridge/core'
import type { PullOpen, ReplicateRequest } from '@landbridge/proto'
import { RefusalReason } from '@landbridge/proto'
import type { TopicEntry } from '../../topics.ts'
import { exchangeOf } from '../exchange.ts'
import type { ServeContext } from './context.ts'
import { encodeHeartbeat, encodePong, encodeRefused } from './responses.ts'
import { ServedPull } from './served-pull.ts'

const TICK_MS = 1_000
/** Every idle pull is looked after once in so many ticks. */
const IDLE_ROUNDS = 10
/** Pulls of one stream: far above the topics of a region, far below what would hurt. */
const PULLS_MAX = 4_096
/** Credit of one pull: more is cut off, so that a peer cannot make us read without end. */
const CREDIT_MAX = 256 * 1024 * 1024

/** The gRPC call that carries the stream. */
export type PeerCall = {
  /** False: it takes no more for now; onDrain follows. */
  write(frame: Buffer): boolean
}

/** One Replicate stream of a peer: its pulls, its heartbeat, its back-pressure. One timer for all of them. */
export class ServedStream {
  readonly #context: ServeContext
  readonly #peer: string
  readonly #call: PeerCall
  readonly #pulls = new Map<number, ServedPull>()
  readonly #timer: NodeJS.Timeout
  readonly #stopFollowing: readonly (() => void)[]
  #blocked = false
  #closed = false
  #wroteMs = 0
  #ticks = 0

  constructor(context: ServeContext, peer: string, call: PeerCall) {
    this.#context = context
    this.#peer = peer
    this.#call = call
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#stopFollowing = [
      context.session.onChange(() => this.#interrupt('the connection to NATS changed')),
      context.registry.onChange(() => this.#checkExchange()),
    ]
    // The first word: the peer knows that it was accepted, and what our clock says.
    this.#write(encodeHeartbeat(context.now()))
  }

  /**
   * Takes one request of the peer.
   * @throws MeshError 'invalid_argument' when it breaks the protocol; the stream must end then.
   */
  take(request: ReplicateRequest): void {
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
        return
      }
      case 'ping':
        this.#write(encodePong(value.id))
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
    for (const stop of this.#stopFollowing) stop()
    for (const id of [...this.#pulls.keys()]) this.#drop(id)
  }

  #open(request: PullOpen): void {
    const { pullId: id, topic: topicKey, origin } = request
    const { context, position } = { context: this.#context, position: positionOf(request.position) ?? START }
    if (this.#pulls.has(id)) throw new MeshError('invalid_argument', `open pull: id ${id} is in use on this stream`)
    if (this.#pulls.size >= PULLS_MAX) {
      this.#refuse(id, RefusalReason.UNAVAILABLE, `open pull: ${PULLS_MAX} are open on this stream already`)
      return
    }
    // Each pull reads the store for itself, and a region needs each event once.
    if ([...this.#pulls.values()].some((open) => open.topic.key === topicKey)) {
      this.#refuse(id, RefusalReason.UNAVAILABLE, 'open pull: this stream has one of the same topic and origin already')
      return
    }
    const topic = context.registry.get(topicKey)
    const exchange = exchangeOf(context.registry.snapshot, context.region, this.#peer, topicKey)
    if (exchange === 'not-allowed') {
      this.#refuseExchange(id)
      return
    }
    if (exchange === 'unknown-topic' || topic === undefined) {
      this.#refuse(id, RefusalReason.UNKNOWN_TOPIC, `open pull: the topic is not known in ${context.region}`)
      return
    }
    if (origin !== context.region) {
      this.#refuse(id, RefusalReason.CANNOT_TELL, `open pull: ${context.region} serves its own events only`)
      return
    }
    const pull = new ServedPull({
      id,
      topic,
      region: context.region,
      position,
      creditBytes: Math.min(Number(request.creditBytes), CREDIT_MAX),
      session: context.session,
      heads: context.heads,
      log: context.log,
      now: context.now,
      send: (frame) => this.#write(frame),
      onPlaced: () => context.positions.open(pull, { topic: topicKey, region: this.#peer, position }),
      onServed: (records) => {
        const { metrics } = context
        metrics.served.inc({ topic: metrics.topicLabel(topicKey), peer: this.#peer }, records)
      },
      refuse: (reason, message, first) => {
        if (this.#pulls.get(id) !== pull) return
        this.#drop(id)
        this.#refuse(id, reason, message, first)
      },
    })
    this.#pulls.set(id, pull)
    context.metrics.servedPulls.inc({ peer: this.#peer })
    if (this.#blocked) pull.setBlocked(true)
    void pull.start()
  }

  #drop(id: number): void {
    const pull = this.#pulls.get(id)
    if (pull === undefined) return
    this.#pulls.delete(id)
    this.#context.positions.close(pull)
    pull.close()
    this.#context.metrics.servedPulls.dec({ peer: this.#peer })
  }

  #refuse(id: number, reason: RefusalReason, message: string, first?: Position): void {
    const { log, metrics } = this.#context
    metrics.refused.inc({ peer: this.#peer, reason: RefusalReason[reason] ?? 'unknown' })
    log.info({ peer: this.#peer, reason: RefusalReason[reason], message }, 'pull refused')
    this.#write(encodeRefused(id, reason, message, first))
  }

  #refuseExchange(id: number): void {
    const { region } = this.#context
    this.#refuse(id, RefusalReason.NOT_ALLOWED, `open pull: ${region} does not exchange this topic with ${this.#peer}`)
  }

  #interrupt(why: string): void {
    for (const pull of [...this.#pulls.values()]) pull.interrupt(why)
  }

  /** What was allowed when a pull was opened may not be any more. */
  #checkExchange(): void {
    const { registry, region } = this.#context
    for (const pull of [...this.#pulls.values()]) {
      const exchange = exchangeOf(registry.snapshot, region, this.#peer, pull.topic.key)
      if (exchange !== 'allowed') {
        this.#drop(pull.id)
        this.#refuseExchange(pull.id)
      } else if (!sameSource(registry.get(pull.topic.key), pull.topic)) {
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
    const turn = this.#ticks % IDLE_ROUNDS
    this.#ticks += 1
    for (const pull of this.#pulls.values()) {
      if (pull.behind || pull.id % IDLE_ROUNDS === turn) void pull.tick()
    }
    // Also while blocked: it waits in line behind the records, and arrives when they do.
    const nowMs = this.#context.now()
    if (nowMs - this.#wroteMs >= TICK_MS * 0.9 && !this.#blocked) this.#write(encodeHeartbeat(nowMs))
  }
}

/** Whether all that a served pull depends on is the same; documents are read anew at every change of any of them. */
function sameSource(now: TopicEntry | undefined, before: TopicEntry): boolean {
  const retention = before.document.spec.retention
  const next = now?.document.spec.retention
  return (
    now?.stream === before.stream &&
    next?.ageMs === retention.ageMs &&
    next?.bytes === retention.bytes &&
    next?.events === retention.events
  )
}

function positionOf(position: { readonly sequence: bigint; readonly stamp: bigint } | undefined): Position | undefined {
  if (position === undefined) return undefined
  const sequence = Number(position.sequence)
  return Number.isSafeInteger(sequence) ? { sequence, stamp: position.stamp } : undefined
}
