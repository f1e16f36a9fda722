/*
 * A small model for the tests of `RepairRun`: one region's stream with the records of an origin that has lost some of
 * its own, and one or two repairs that crash, stall and race. Time is in ticks; every choice comes from a seed.
 */

import {
  type CommonRecord,
  type HeldEvent,
  type LocalRecord,
  type MatchAnswer,
  type Position,
  type RepairAction,
  type RepairInput,
  RepairRun,
  type SendResult,
  type SessionIdentity,
  START,
} from '../replication/index.ts'
import { Random } from './random.ts'

type Content =
  | { readonly kind: 'event'; readonly position: Position; readonly prev: Position }
  | { readonly kind: 'control'; readonly record: CommonRecord<'branch'> | CommonRecord<'open'> }
  | { readonly kind: 'marker'; readonly of: number }
  | { readonly kind: 'other' }
type Stored = Content & { readonly at: number }
type Repair = { readonly run: RepairRun; todo: RepairAction; answer: RepairInput | undefined; sleepsUntil: number }

const LIFE = 10
const SESSION: SessionIdentity = { serverId: 's', reconnects: 0, streamCreated: 'then', streamLeader: undefined }

/** What the tests look at when a run of the model is over. */
export type RepairOutcome = {
  readonly problems: readonly string[]
  /** Most positions in a question, and most questions of one run. */
  readonly positionsMax: number
  readonly questionsMax: number
}

export class RepairModel {
  readonly #random: Random
  #now = 0
  #stamps = 1000n
  /** Index + 1 is the local sequence; undefined: retention took it. */
  readonly #log: (Stored | undefined)[] = []
  #origin: (Position | undefined)[] = []
  #positionsMax = 0
  #questionsMax = 0
  readonly #questions = new Map<Repair, number>()
  readonly #problems: string[] = []

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  /** Lets the origin lose records, and repairs, some times in a row. */
  run(): RepairOutcome {
    for (let round = 1 + this.#int(3); round > 0; round--) {
      this.#grow()
      this.#lose()
      this.#repair()
      this.#check()
    }
    return { problems: this.#problems, positionsMax: this.#positionsMax, questionsMax: this.#questionsMax }
  }

  #int(bound: number): number {
    return this.#random.below(bound)
  }

  #chance(probability: number): boolean {
    return this.#random.below(1_000_000) < probability * 1_000_000
  }

  /** The origin stores events, and the region applies them; some are copies and leave nothing behind. */
  #grow(): void {
    let prev = this.#origin.findLast((position) => position !== undefined) ?? START
    for (let count = this.#int(this.#chance(0.1) ? 600 : 60); count > 0; count--) {
      this.#stamps += 1n
      const position = { sequence: this.#origin.length + 1, stamp: this.#stamps }
      this.#origin.push(position)
      if (!this.#chance(0.1)) this.#append({ kind: 'event', position, prev })
      while (this.#chance(0.3)) this.#append({ kind: 'other' })
      prev = position
    }
  }

  /** The origin loses a tail, or its stream, and may have stored others; retention takes the oldest on both sides. */
  #lose(): void {
    this.#origin.length = this.#chance(0.2) ? 0 : this.#int(this.#origin.length + 1)
    for (let count = this.#int(30); count > 0; count--) {
      this.#stamps += 1n
      this.#origin.push({ sequence: this.#origin.length + 1, stamp: this.#stamps })
    }
    if (this.#chance(0.2)) this.#origin.fill(undefined, 0, this.#int(this.#origin.length))
    if (this.#chance(0.2)) this.#log.fill(undefined, 0, this.#int(this.#log.length))
  }

  #repair(): void {
    const repairs: (Repair | undefined)[] = [undefined, undefined]
    const branches = this.#countOf('branch')
    for (let ticks = 0; this.#last()?.control !== 'open' || this.#countOf('branch') === branches; ticks++) {
      if (ticks > 20_000) throw new Error('never comes to rest')
      this.#now++
      for (const index of [0, 1]) {
        const repair = repairs[index]
        if (repair === undefined) {
          if (index === 0 || this.#chance(0.05)) repairs[index] = this.#open()
          continue
        }
        if (this.#chance(0.03)) repair.sleepsUntil = Math.max(repair.sleepsUntil, this.#now + this.#int(3 * LIFE))
        if (this.#now >= repair.sleepsUntil) this.#step(repair)
        if (repair.todo.kind === 'end' || this.#chance(0.03)) repairs[index] = undefined
      }
      if (this.#countOf('branch') > branches + 1) throw new Error('a second branch')
    }
  }

  #open(): Repair {
    const last = this.#last()
    const stored = last === undefined ? undefined : this.#log[last.localSequence - 1]
    const branchAgeMs = stored !== undefined && this.#chance(0.5) ? this.#now - stored.at : undefined
    const markersMax = 1 + this.#int(20)
    const opening = { session: SESSION, origin: 'a', last, branchAgeMs, duplicateWindowMs: 60, skewMs: 0 }
    const run = new RepairRun({ ...opening, batchLifeMs: LIFE, markersMax })
    return { run, todo: run.begin(), answer: undefined, sleepsUntil: 0 }
  }

  /** Does what is to be done, or hands the answer in: between both anything may happen. */
  #step(repair: Repair): void {
    if (repair.answer === undefined) {
      if (repair.todo.kind === 'wait') repair.sleepsUntil = this.#now + repair.todo.ms
      repair.answer = this.#act(repair, repair.todo)
      return
    }
    repair.todo = repair.run.next(repair.answer, SESSION)
    repair.answer = undefined
  }

  #act(repair: Repair, action: RepairAction): RepairInput {
    switch (action.kind) {
      case 'probe':
        return { kind: 'probed', events: action.sequences.map((sequence) => this.#eventFrom(sequence)) }
      case 'match': {
        const questions = (this.#questions.get(repair) ?? 0) + 1
        this.#questions.set(repair, questions)
        this.#questionsMax = Math.max(this.#questionsMax, questions)
        this.#positionsMax = Math.max(this.#positionsMax, action.positions.length)
        const answers = action.positions.map((position) => this.#match(position))
        return { kind: 'matched', answers: this.#chance(0.05) ? undefined : answers }
      }
      case 'write-control':
        return { kind: 'written', result: this.#writeControl(action.record, action.fence) }
      case 'wait':
        return { kind: 'waited' }
      case 'read-last':
        return { kind: 'last', last: this.#last() }
      case 'next-unadopted': {
        const marked = new Set(this.#markers().map(({ of }) => of))
        const events = this.#log.flatMap((stored, index) => {
          const localSequence = index + 1
          const within = localSequence > action.after && localSequence < action.before
          if (stored?.kind !== 'event' || !within || marked.has(localSequence)) return []
          return [{ messageId: `x${localSequence}`, localSequence, recordedMs: stored.at, mark: undefined }]
        })
        return { kind: 'unadopted', events: events.slice(0, action.limit), fence: this.#lastMarker() }
      }
      case 'write-markers': {
        if (this.#chance(0.05)) return { kind: 'written', result: { kind: 'failed' } }
        if (this.#lastMarker() !== action.fence) return { kind: 'written', result: { kind: 'fenced' } }
        for (const { localSequence } of action.markers) this.#append({ kind: 'marker', of: localSequence })
        const lost = this.#chance(0.05)
        return { kind: 'written', result: lost ? { kind: 'failed' } : this.#storedLast() }
      }
      case 'end':
        return { kind: 'stop', reason: 'stopped' }
    }
  }

  #writeControl(record: CommonRecord<'branch'> | CommonRecord<'open'>, fence: number): SendResult {
    if (this.#chance(0.05)) return { kind: 'failed' }
    if ((this.#last()?.localSequence ?? 0) !== fence) return { kind: 'fenced' }
    const before = fence === 0 ? undefined : this.#log[fence - 1]
    if (record.kind === 'open' && before !== undefined && this.#now - before.at <= LIFE) {
      this.#problems.push('opened within a batch life of the branch')
    }
    this.#append({ kind: 'control', record })
    return this.#chance(0.05) ? { kind: 'failed' } : this.#storedLast()
  }

  #storedLast(): SendResult {
    return { kind: 'stored', lastSequence: this.#log.length }
  }

  #append(content: Content): void {
    this.#log.push({ ...content, at: this.#now })
  }

  #eventFrom(sequence: number): HeldEvent | undefined {
    for (let index = sequence - 1; index < this.#log.length; index++) {
      const stored = this.#log[index]
      if (stored?.kind === 'event') return { localSequence: index + 1, position: stored.position, prev: stored.prev }
    }
    return undefined
  }

  #match({ sequence, stamp }: Position): MatchAnswer {
    const kept = this.#origin[sequence - 1]
    if (kept !== undefined) return kept.stamp === stamp ? 'present' : 'absent'
    return sequence <= this.#origin.length ? 'expired' : 'absent'
  }

  #last(): LocalRecord | undefined {
    for (let sequence = this.#log.length; sequence > 0; sequence--) {
      const stored = this.#log[sequence - 1]
      if (stored?.kind !== 'event' && stored?.kind !== 'control') continue
      const place = { localSequence: sequence, localStamp: BigInt(sequence) }
      if (stored.kind === 'event') return { ...place, position: stored.position }
      const { kind: control, common, behind } = stored.record
      return { ...place, position: common, control, behind }
    }
    return undefined
  }

  #markers(): readonly { readonly of: number }[] {
    return this.#log.flatMap((stored) => (stored?.kind === 'marker' ? [{ of: stored.of }] : []))
  }

  #lastMarker(): number {
    return this.#log.findLastIndex((stored) => stored?.kind === 'marker') + 1
  }

  #countOf(kind: 'branch' | 'open'): number {
    return this.#log.filter((stored) => stored?.kind === 'control' && stored.record.kind === kind).length
  }

  #check(): void {
    const last = this.#last()
    const { position: common = START, behind = 0, localSequence: end = 0 } = last ?? {}
    if (common.sequence > 0 && this.#match(common) === 'absent') this.#problems.push('the common record is not shared')
    const held = behind === 0 ? undefined : this.#log[behind - 1]
    if (held?.kind === 'event' && held.position.stamp !== common.stamp) this.#problems.push('behind is not the common')
    const marks = this.#markers().map(({ of }) => of)
    if (new Set(marks).size !== marks.length) this.#problems.push('an event has two markers')
    const marked = new Set(marks)
    for (let sequence = behind + 1; sequence < end; sequence++) {
      const stored = this.#log[sequence - 1]
      if (stored?.kind === 'event' && !marked.has(sequence)) this.#problems.push(`${sequence} was not given back`)
    }
  }
}
