import {
  type BendRecord,
  type LocalProbe,
  liveSegments,
  type Position,
  placeInLog,
  type RelayEntry,
  type RelayInput,
  type RelayPlace,
  type RelayRefusal,
  RelayRun,
  START,
  samePosition,
} from '../replication/index.ts'
import { Random } from './random.ts'

/** An event of the model. */
export type ModelEvent = { readonly position: Position; readonly prev: Position; readonly id: number }

type OriginRecord = { readonly position: Position; readonly id: number }

/** How a run of the model ended, and what the receiver got. */
export type ModelResult = {
  readonly from: Position
  readonly got: readonly ModelEvent[]
  /** What the receiver looked at last. */
  readonly scanned: Position
  /** The origin's records behind `from` that may go to the receiver, whether they are kept or not. */
  readonly wanted: readonly OriginRecord[]
  readonly refusal: RelayRefusal | undefined
  readonly skipGap: boolean
  readonly reachable: boolean
}

const STEPS_MAX = 20_000

/**
 * One origin, one relay that applied its log with copies skipped, tails lost, gaps written down and old records removed
 * by retention, and a receiver that asks the relay to go on from anywhere. Everything follows from the seed.
 */
export class RelayModel {
  readonly seen = { holes: 0, handedOn: 0, relocated: 0, bends: 0, gaps: 0, filtered: 0, tails: 0 }
  readonly #random: Random
  /** The origin's log as it is now, retention aside. */
  #origin: OriginRecord[] = []
  /** Oldest sequence that the origin keeps. */
  #keptFrom = 1
  #local: RelayEntry<ModelEvent>[] = []
  #controls: BendRecord[] = []
  #localEnd = 0
  /** How far the relay has applied the origin. */
  #applied: Position = START
  #stamps = 0n
  #ids = 0

  constructor(seed: number) {
    this.#random = new Random(seed)
    const rounds = 1 + this.#int(4)
    for (let round = 0; round < rounds; round++) {
      if (round > 0) this.#disturb()
      this.#grow(this.#int(12))
      this.#apply(this.#origin.length - this.#int(4))
    }
    if (this.#chance(0.3)) this.#forget()
  }

  /** The receiver asks; answers are as reliable as the seed says. */
  run(): ModelResult {
    const reachable = this.#chance(0.8)
    const from = this.#anyPosition()
    const skipGap = from.sequence > 0 && from.sequence < this.#keptFrom - 1 && this.#chance(0.5)
    const got: ModelEvent[] = []
    const opening = { segments: liveSegments(this.#controls), place: this.#place(from), position: from, skipGap }
    const run = new RelayRun<ModelEvent>({ ...opening, passes: ({ id }) => this.#passes(id) })
    let refusal: RelayRefusal | undefined
    let idle = 0
    let upstream: (() => RelayInput<ModelEvent> | undefined) | undefined
    for (let step = 0, action = run.begin(); ; step++) {
      if (step > STEPS_MAX) throw new Error('relay model: the run does not come to an end')
      let input: RelayInput<ModelEvent> | undefined
      if (action.kind === 'refuse') {
        refusal = action.reason
        break
      }
      if (action.kind === 'emit') {
        let { prev } = action
        for (const event of action.events) {
          got.push({ ...event, prev })
          prev = event.position
        }
        if (action.skipped !== undefined) this.seen.filtered++
        input = { kind: 'emitted' }
      } else if (action.kind === 'read') {
        upstream = undefined
        input = this.#readLocal(action.after)
        if (input === undefined) {
          // Nothing is left; the newest records may have been copies.
          if (idle++ > 3 || samePosition(this.#applied, run.scanned)) break
          this.seen.tails++
          input = { kind: 'end', applied: this.#applied }
        }
      } else if (action.kind === 'hand-on') {
        this.seen.handedOn++
        if (opening.place !== undefined) this.seen.holes++
        upstream = this.#upstream(action.position, action.skipGap, reachable)
        input = upstream()
        if (input === undefined) break
      } else {
        const { relocate } = action
        const place = relocate !== undefined && this.#chance(0.3) ? this.#place(relocate) : undefined
        if (relocate !== undefined && place !== undefined) {
          this.seen.relocated++
          input = { kind: 'placed', position: relocate, place, segments: liveSegments(this.#controls) ?? [] }
        } else input = upstream?.()
        if (input === undefined) break
      }
      action = run.next(input)
    }
    const wanted = this.#origin.filter(({ position, id }) => position.sequence > from.sequence && this.#passes(id))
    return { from, got, scanned: run.scanned, wanted, refusal, skipGap, reachable }
  }

  /** What the relay would find by reading everything, for tests of the search. */
  placeByReading(position: Position): RelayPlace | undefined {
    const segments = liveSegments(this.#controls) ?? []
    const isLive = (at: number) => segments.some(({ after, upTo }) => at > after && at <= upTo)
    if (position.sequence === 0) return { after: segments[0]?.after ?? 0, held: START }
    const opened = segments.findLast(({ base }) => samePosition(base, position))
    if (opened !== undefined) return { after: opened.after, held: position }
    for (const entry of this.#local) {
      if (!isLive(entry.localSequence)) continue
      if (samePosition(entry.position, position)) {
        return { after: entry.localSequence - (entry.control === undefined ? 0 : 1), held: position }
      }
      if (entry.prev !== undefined && samePosition(entry.prev, position)) {
        return { after: entry.localSequence - 1, held: position }
      }
    }
    if (!samePosition(this.#applied, position)) return undefined
    return { after: Math.max(this.#last, segments.at(-1)?.after ?? 0), held: position }
  }

  /** A position of the origin, of a lost tail, or the start. */
  anyPosition(): Position {
    return this.#anyPosition()
  }

  /** See `placeInLog`; undefined also while in repair. */
  place(position: Position): RelayPlace | undefined {
    return this.#place(position)
  }

  get #last(): number {
    return this.#local.at(-1)?.localSequence ?? 0
  }

  #anyPosition(): Position {
    const chosen = this.#origin[this.#int(this.#origin.length + 1)]
    return chosen === undefined || this.#chance(0.1) ? START : chosen.position
  }

  /** Some events are not for the receiver. */
  #passes(id: number): boolean {
    return id % 5 !== 0
  }

  #grow(count: number): void {
    for (let index = 0; index < count; index++) {
      this.#stamps += 1n
      this.#ids++
      const sequence = (this.#origin.at(-1)?.position.sequence ?? 0) + 1 + this.#int(2)
      this.#origin.push({ position: { sequence, stamp: this.#stamps }, id: this.#ids })
    }
  }

  /** The relay applies the origin's records up to an index; some are copies and leave nothing. */
  #apply(upTo: number): void {
    let prev = this.#applied
    for (const { position, id } of this.#origin.slice(0, Math.max(0, upTo))) {
      if (position.sequence <= this.#applied.sequence) continue
      const isCopy = this.#chance(0.15)
      if (!isCopy) this.#append({ position, prev, event: { position, prev, id } })
      prev = position
      this.#applied = position
    }
  }

  #append(entry: Omit<RelayEntry<ModelEvent>, 'localSequence'>): number {
    this.#localEnd += 1 + this.#int(3)
    this.#local.push({ ...entry, localSequence: this.#localEnd })
    return this.#localEnd
  }

  #disturb(): void {
    if (this.#chance(0.6)) this.#loseTail()
    else if (this.#chance(0.5)) this.#gap()
  }

  /** The origin loses its tail; the relay writes it down and goes on from the last common record that it has. */
  #loseTail(): void {
    const kept = this.#int(this.#origin.length + 1)
    if (kept < this.#keptFrom) return
    this.#origin = this.#origin.slice(0, kept)
    const has = ({ position }: { readonly position: Position }) =>
      this.#origin.some((record) => samePosition(record.position, position))
    if (this.#applied.sequence === 0 || has({ position: this.#applied })) return
    this.seen.bends++
    const segments = liveSegments(this.#controls) ?? []
    const isLive = (at: number) => segments.some(({ after, upTo }) => at > after && at <= upTo)
    const common = this.#local.findLast(
      (entry) => entry.event !== undefined && isLive(entry.localSequence) && has(entry),
    )
    const position = common?.position ?? START
    const behind = common?.localSequence ?? 0
    for (const kind of ['branch', 'open'] as const) {
      const localSequence = this.#append({ position, control: kind, event: undefined })
      this.#controls.push({ kind, localSequence, position, behind })
    }
    this.#applied = position
  }

  /** The origin no longer keeps what follows the relay's position, and the relay writes that down. */
  #gap(): void {
    this.#grow(3)
    const next = this.#origin.findIndex(({ position }) => position.sequence > this.#applied.sequence)
    const first = this.#origin[next + 1]
    if (next < 0 || first === undefined || this.#applied.sequence === 0) return
    this.seen.gaps++
    this.#keptFrom = first.position.sequence
    const after = this.#applied
    const localSequence = this.#append({ position: after, control: 'gap', event: undefined })
    this.#controls.push({ kind: 'gap', localSequence, position: after, behind: 0 })
    this.#append({ position: first.position, prev: after, event: { ...first, prev: after } })
    this.#applied = first.position
  }

  /** Retention takes the oldest records of the local stream. */
  #forget(): void {
    const gone = this.#int(this.#local.length + 1)
    this.#local = this.#local.slice(gone)
    const oldest = this.#local[0]?.localSequence ?? Number.POSITIVE_INFINITY
    this.#controls = this.#controls.filter(({ localSequence }) => localSequence >= oldest)
  }

  #place(position: Position): RelayPlace | undefined {
    const segments = liveSegments(this.#controls)
    if (segments === undefined) return undefined
    const search = placeInLog({ segments, position, last: this.#last, applied: this.#applied })
    const lookUp = ({ from }: LocalProbe) => this.#local.find(({ localSequence }) => localSequence >= from)
    let step = search.next()
    while (step.done !== true) step = search.next(lookUp(step.value))
    return step.value
  }

  #readLocal(after: number): RelayInput<ModelEvent> | undefined {
    const rest = this.#local.filter(({ localSequence }) => localSequence > after)
    if (rest.length === 0) return undefined
    return { kind: 'local', entries: rest.slice(0, 1 + this.#int(rest.length)) }
  }

  /** The origin's answers to one pull, one a call; undefined when it has nothing more to say. */
  #upstream(position: Position, skipGap: boolean, reachable: boolean): () => RelayInput<ModelEvent> | undefined {
    if (!reachable) return () => ({ kind: 'refused', reason: 'cannot-tell' })
    const index = this.#origin.findIndex((record) => samePosition(record.position, position))
    if (position.sequence > 0 && index < 0) return () => ({ kind: 'refused', reason: 'diverged' })
    const isGap = position.sequence > 0 && (this.#origin[index + 1]?.position.sequence ?? 1e9) < this.#keptFrom
    if (isGap && !skipGap) return () => ({ kind: 'refused', reason: 'retention-gap', first: position })
    const todo = this.#origin.slice(index + 1).filter((record) => record.position.sequence >= this.#keptFrom)
    let prev = position
    return () => {
      if (todo.length === 0) return undefined
      const events: ModelEvent[] = []
      const chunk = todo.splice(0, 1 + this.#int(4))
      let skipped: Position | undefined
      for (const [at, record] of chunk.entries()) {
        if (!this.#passes(record.id)) {
          skipped = record.position
          continue
        }
        // A skip is told apart from records: what passed so far goes first.
        if (skipped !== undefined && this.#chance(0.5)) {
          todo.unshift(...chunk.slice(at))
          break
        }
        skipped = undefined
        events.push({ position: record.position, prev, id: record.id })
        prev = record.position
      }
      if (events.length > 0) {
        if (skipped !== undefined) todo.unshift({ position: skipped, id: 0 })
        return { kind: 'records', events }
      }
      return skipped === undefined ? undefined : { kind: 'skipped', position: skipped }
    }
  }

  #int(below: number): number {
    return this.#random.below(below)
  }

  #chance(probability: number): boolean {
    return this.#random.below(1000) < probability * 1000
  }
}
