import {
  ApplyRun,
  type Checkpoint,
  type GapAnswer,
  type LocalRecord,
  mayWriteGap,
  type Position,
  type RunAction,
  type RunInput,
  type RunOpening,
  resolvePosition,
  type SendResult,
  START,
  samePosition,
  withGapAnswer,
} from '@landbridge/core'
import { isCopy, tooOld } from './copies.ts'
import { type Ended, PullRoute, type RunWatch } from './pull-route.ts'
import type { Message, WireRecord } from './record.ts'
import type { Region } from './region.ts'
import { control, outcome, Repair } from './repair.ts'
import { type Served, type ServedPull, serve } from './serve.ts'
import { milliseconds, type Steps, type World } from './world.ts'

/** A run is given up for nothing, at an answer without records: where upstreams are chosen at random, so that others get their turn. */
const GIVES_UP = 0.3
const ROUTED_GIVES_UP = 0.02

/** Pulls one origin into one region for ever: run after run, each from a position that is read again. */
export function* applier(world: World, region: Region, origin: string): Steps {
  const route = region.routes && new PullRoute(world, region.routes, region.name, origin)
  for (;;) {
    yield
    if (!region.up) return
    yield* new Pull(world, region, origin, route).run()
  }
}

/** One run: `ApplyRun` decides, this acts. */
class Pull {
  readonly #world: World
  readonly #region: Region
  readonly #origin: string
  /** Undefined: upstreams are chosen at random. */
  readonly #route: PullRoute | undefined
  #watch: RunWatch | undefined
  #upstream: Region | undefined
  #served: ServedPull | undefined
  /** Why it was not served. */
  #refusal: Exclude<Served['kind'], 'records'> | undefined
  /** Why the upstream was left. */
  #left: Ended | undefined
  /** Without rule 3b, a run takes whatever is last for this. */
  #sent: Position = START
  #checkedAt = 0

  constructor(world: World, region: Region, origin: string, route: PullRoute | undefined) {
    this.#world = world
    this.#region = region
    this.#origin = origin
    this.#route = route
  }

  *run(): Steps {
    const region = this.#region
    const origin = this.#origin
    const { session } = region
    const opening = this.#opening()
    const { last } = opening
    if (last?.control === 'branch') {
      yield* new Repair(this.#world, region, origin, session).run(last)
      return
    }
    this.#upstream = this.#choose()
    if (this.#upstream === undefined) return
    const run = new ApplyRun<WireRecord>(opening)
    region.onOpen(origin, run.position)
    this.#served = serve(this.#world, this.#upstream, {
      origin,
      position: run.position,
      skipGap: run.skipGap,
      receiver: region.name,
      path: [],
    })
    this.#watch = this.#route?.begin(this.#upstream, run.position)
    let action = run.begin()
    while (action.kind !== 'end') {
      const answer: RunInput<WireRecord> = yield* this.#act(action, run.position)
      if (!region.up) return
      action = run.next(answer, this.#world.on('session') ? region.session : session)
    }
    this.#count(action.reason)
    let ended: Ended = this.#left ?? { kind: 'ended', reason: action.reason }
    if (this.#refusal === 'diverged' && this.#world.on('match')) {
      // From what the stream holds now, not from when the run began.
      const now = region.session
      const reason = yield* new Repair(this.#world, region, origin, now).run(region.stream.lastOf(origin))
      ended = { kind: 'repair', reason }
    } else if (this.#refusal === 'retention-gap' || this.#refusal === 'cannot-tell') {
      yield* this.#refused(this.#refusal === 'cannot-tell' ? 'cannot-serve' : 'gap', run.position)
    }
    this.#route?.follow(ended)
  }

  #choose(): Region | undefined {
    if (this.#route !== undefined) return this.#route.next()
    const linked = this.#world.regions.filter((other) => this.#world.linked(this.#region, other))
    return linked.length === 0 ? undefined : this.#world.random.pick(linked)
  }

  /** When nobody can serve what follows, that is written down. */
  *#refused(answer: GapAnswer, position: Position): Steps {
    const region = this.#region
    const origin = this.#origin
    const nowMs = milliseconds(this.#world.now)
    const said = { position, region: this.#upstream?.name ?? '', answer, nowMs }
    const known = withGapAnswer(region.gapAnswers.get(origin), said)
    region.gapAnswers.set(origin, known)
    const upstreams = this.#world.regions
      .filter((other) => other !== region)
      .map((other) => ({ region: other.name, up: this.#world.linked(region, other) }))
    if (!mayWriteGap(known, upstreams, nowMs)) return
    const { session, last, checkpoint, facts } = this.#opening()
    const resolved = resolvePosition(last, checkpoint, facts)
    if (resolved.next !== 'pull' || !samePosition(resolved.position, position)) return
    const batch = region.send([control('gap', origin, position, 0)], resolved.fence, session)
    const { kind } = yield* outcome(this.#world, batch)
    if (kind !== 'stored') return
    region.gapAnswers.delete(origin)
    this.#world.stats.gaps++
  }

  *#act(action: RunAction<WireRecord>, position: Position): Steps<RunInput<WireRecord>> {
    const { stream } = this.#region
    switch (action.kind) {
      case 'receive':
        return yield* this.#receive(position)
      case 'check':
        return yield* this.#check(action)
      case 'send': {
        // What a process that stood still knows may be wrong by now.
        if (tooOld(this.#world, this.#checkedAt)) return { kind: 'stop', reason: 'failed' }
        this.#sent = action.records.at(-1)?.position ?? START
        return { kind: 'sent', result: yield* this.#send(action) }
      }
      case 'read-last':
        yield
        return { kind: 'last', last: this.#lastAfterBatch() }
      case 'read-end':
        yield
        return { kind: 'end', last: stream.lastOf(this.#origin), end: stream.end }
      case 'write-checkpoint':
        yield
        this.#region.writeCheckpoint(this.#origin, action.checkpoint)
        if (this.#world.tracing) this.#world.say(this.#region.name, 'checkpoint of', this.#origin, position.sequence)
        return { kind: 'checkpointed' }
      case 'end':
        return { kind: 'stop', reason: 'stopped' }
    }
  }

  *#receive(position: Position): Steps<RunInput<WireRecord>> {
    const { random } = this.#world
    yield
    const linked = this.#upstream !== undefined && this.#world.linked(this.#region, this.#upstream)
    this.#left = linked ? this.#route?.look(position) : { kind: 'link-down', reason: '' }
    if (!linked || this.#left !== undefined) return { kind: 'stop', reason: 'stopped' }
    if (position.sequence > 0) this.#served?.applied(position)
    const served = this.#served?.next(1 + random.below(5))
    if (served?.kind !== 'records') {
      this.#refusal = served?.kind
      this.#left = served && { kind: 'refused', served: served.kind }
      if (this.#world.tracing) {
        const at = `${position.sequence}#${position.stamp % 1_000_000n}`
        this.#world.say(
          this.#region.name,
          'hears',
          served?.kind,
          'from',
          this.#upstream?.name,
          'of',
          this.#origin,
          'at',
          at,
        )
      }
      return { kind: 'stop', reason: 'stopped' }
    }
    const { records } = served
    if (this.#served !== undefined) this.#watch?.heard(this.#served, records)
    const givesUp = this.#route === undefined ? GIVES_UP : ROUTED_GIVES_UP
    if (records.length === 0 && random.chance(givesUp)) return { kind: 'stop', reason: 'stopped' }
    if (this.#world.on('chain')) return { kind: 'records', records }
    // A receiver that takes what comes.
    let prev = position
    const taken = records.map((record) => {
      const patched = { ...record, prev }
      prev = record.position
      return patched
    })
    return { kind: 'records', records: taken }
  }

  *#check({ records, floor, thorough }: RunAction<WireRecord> & { kind: 'check' }): Steps<RunInput<WireRecord>> {
    this.#checkedAt = this.#world.now
    const copies = records.map(({ id, mark, position }) => {
      const first = { origin: this.#origin, storedMs: Number(position.stamp / 1_000_000n) }
      return isCopy(this.#world, this.#region, { id, mark, floor, thorough, first })
    })
    this.#world.stats.copies += copies.filter(Boolean).length
    yield
    return { kind: 'checked', copies }
  }

  *#send({ records, fence, session }: RunAction<WireRecord> & { kind: 'send' }): Steps<SendResult> {
    return yield* outcome(this.#world, this.#region.send(records.map(this.#message), fence, session))
  }

  readonly #message = ({ position, prev, id, recordedMs, mark, traits }: WireRecord): Message => {
    return { kind: 'event', origin: this.#origin, position, prev, id, recordedMs, mark, traits, target: 0 }
  }

  #lastAfterBatch(): LocalRecord | undefined {
    const last = this.#region.stream.lastOf(this.#origin)
    return this.#world.on('ownLast') || last === undefined ? last : { ...last, position: this.#sent }
  }

  #opening(): RunOpening {
    const { stream, session, checkpoints } = this.#region
    const last = stream.lastOf(this.#origin)
    const checkpoint = checkpoints.get(this.#origin)?.at(-1)
    const { streamCreated } = session
    const first = this.#world.on('outlive') ? stream.first : undefined
    const facts = { stampAt: (sequence: number) => stream.at(sequence)?.localStamp, first, streamCreated }
    const opening = { session, last, checkpoint, facts, batchRecordsMax: 3 }
    if (this.#world.on('stamp') || checkpoint === undefined) return opening
    return { ...opening, ...this.#trusting(last, checkpoint) }
  }

  /** Without the guard of rule 3 a checkpoint counts while its numbers look plausible. */
  #trusting(last: LocalRecord | undefined, checkpoint: Checkpoint): Pick<RunOpening, 'checkpoint' | 'facts'> {
    const { end, lastOf } = checkpoint
    const sequence = last?.localSequence ?? 0
    const plausible = end.sequence <= this.#region.stream.last && lastOf.sequence >= sequence
    const facts = { stampAt: () => end.stamp }
    if (!plausible) return { checkpoint: undefined, facts }
    return { checkpoint: { ...checkpoint, lastOf: { sequence, stamp: last?.localStamp ?? 0n } }, facts }
  }

  #count(reason: string): void {
    const { stats } = this.#world
    if (reason === 'overtaken') stats.overtaken++
    if (reason === 'session-changed') stats.sessions++
    if (reason === 'hole') this.#world.problem(`HOLE on the wire to ${this.#region.name}, of ${this.#origin}`)
  }
}
