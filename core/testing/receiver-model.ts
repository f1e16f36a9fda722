/*
 * A small model of one receiving region for the tests of `ApplyRun`: its stream (fence, memory of message ids, loss of
 * an unsynced tail), one origin that it pulls from, publishers that store marked copies of the same events, and one or
 * two appliers that may stall, crash and race. Time is in ticks; every choice comes from a seed.
 */

import {
  ApplyRun,
  type Checkpoint,
  copyCheckOf,
  type LocalPlace,
  type LocalRecord,
  type Position,
  type RunAction,
  type RunInput,
  type RunRecord,
  type SendResult,
  type SessionIdentity,
  START,
  type StreamFacts,
} from '../replication/index.ts'

/** A rule that can be switched off, to see that the model misses it. */
export type Rule = 'checkpoint-guard' | 'after-batch' | 'session' | 'fence' | 'copy-check'

type WireRecord = RunRecord & { readonly id: string }
type Stored = {
  readonly id: string
  readonly origin: Position | undefined
  readonly marked: boolean
  readonly stamp: bigint
  readonly at: number
}
type Batch = {
  readonly records: readonly WireRecord[]
  readonly fence: number
  readonly openedAt: number
  readonly boot: number
  readonly settle: (result: SendResult) => void
}
type Applier = {
  readonly run: ApplyRun<WireRecord>
  readonly session: SessionIdentity
  /** To be done; undefined while its answer is awaited or ready. */
  todo: RunAction<WireRecord> | undefined
  answer: RunInput<WireRecord> | undefined
  lastSent: Position
  sleepsUntil: number
}

const WINDOW = 60
const LIFE = 10

/** mulberry32 */
function randomOf(seed: number): () => number {
  let a = Math.imul(seed, 2654435761) >>> 0
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export class ReceiverModel {
  readonly #random: () => number
  readonly #off: ReadonlySet<Rule>
  #now = 0
  #stamps = 1000n
  #boot = 0
  #synced = 0
  #log: Stored[] = []
  readonly #origin: WireRecord[] = []
  #checkpoints: Checkpoint[] = []
  #inFlight: Batch[] = []
  readonly #appliers: (Applier | undefined)[] = [undefined, undefined]
  /** How often each interesting thing happened, so that a test can see that the model reaches it. */
  readonly seen = {
    stores: 0,
    duplicates: 0,
    fenced: 0,
    overtaken: 0,
    sessionChanged: 0,
    checkpoints: 0,
    losses: 0,
    holes: 0,
  }

  constructor(seed: number, off: readonly Rule[] = []) {
    this.#random = randomOf(seed)
    this.#off = new Set(off)
  }

  /** Runs `ticks` ticks with faults, then heals and lets the appliers finish. Returns what went wrong. */
  run(ticks: number): readonly string[] {
    for (let tick = 0; tick < ticks; tick++) this.#tick(true)
    for (let tick = 0, quiet = 0; quiet < 3 * WINDOW; tick++) {
      const { stores, checkpoints } = this.seen
      this.#tick(false)
      quiet = stores === this.seen.stores && checkpoints === this.seen.checkpoints ? quiet + 1 : 0
      if (tick > 20_000) return ['never comes to rest']
    }
    return this.#problems()
  }

  #on(rule: Rule): boolean {
    return !this.#off.has(rule)
  }
  #chance(probability: number): boolean {
    return this.#random() < probability
  }
  #int(bound: number): number {
    return Math.floor(this.#random() * bound)
  }

  #tick(faults: boolean): void {
    this.#now++
    if (this.#chance(0.5)) this.#deliver()
    if (this.#chance(0.04)) this.#synced = this.#log.length
    if (faults) {
      if (this.#chance(0.15)) this.#publishAtOrigin()
      if (this.#chance(0.06)) this.#publishCopyHere()
      if (this.#chance(0.012)) this.#losePower()
    }
    for (const index of [0, 1]) {
      const applier = this.#appliers[index]
      if (applier === undefined) {
        if (index === 0 || (faults && this.#chance(0.03))) this.#appliers[index] = this.#open()
        continue
      }
      if (faults && this.#chance(0.01)) this.#appliers[index] = undefined
      else if (faults && this.#chance(0.02)) applier.sleepsUntil = this.#now + this.#int(2.5 * WINDOW)
      else if (this.#now >= applier.sleepsUntil) this.#step(applier)
      if (applier.run.ended !== undefined) this.#appliers[index] = undefined
    }
  }

  // ---- the stream's server ------------------------------------------------------------------------------------------

  #append(record: Omit<Stored, 'stamp' | 'at'>): number {
    this.#stamps += 1n
    this.seen.stores++
    return this.#log.push({ ...record, stamp: this.#stamps, at: this.#now })
  }

  #remembers(id: string): boolean {
    return this.#log.some((record) => record.id === id && record.at > this.#now - WINDOW)
  }

  #lastOfOrigin(): LocalRecord | undefined {
    const index = this.#log.findLastIndex((record) => record.origin !== undefined)
    const record = this.#log[index]
    if (record?.origin === undefined) return undefined
    return { position: record.origin, localSequence: index + 1, localStamp: record.stamp }
  }

  /** One open batch arrives, if it still can. */
  #deliver(): void {
    const batch = this.#inFlight.splice(this.#int(this.#inFlight.length), 1)[0]
    if (batch === undefined) return
    const dead = this.#now - batch.openedAt > LIFE || (this.#on('session') && batch.boot !== this.#boot)
    const result = dead ? ({ kind: 'failed' } as const) : this.#store(batch)
    batch.settle(this.#chance(0.05) ? { kind: 'failed' } : result)
  }

  #store({ records, fence }: Batch): SendResult {
    if (this.#on('fence') && (this.#lastOfOrigin()?.localSequence ?? 0) !== fence) return { kind: 'fenced' }
    if (records.some(({ id }) => this.#remembers(id))) return { kind: 'duplicate' }
    let lastSequence = 0
    for (const { id, position, mark } of records) {
      lastSequence = this.#append({ id, origin: position, marked: mark !== undefined })
    }
    return { kind: 'stored', lastSequence }
  }

  #losePower(): void {
    this.seen.losses++
    this.#log.length = this.#synced + this.#int(this.#log.length - this.#synced + 1)
    this.#synced = this.#log.length
    this.#boot++
    this.#checkpoints = this.#checkpoints.slice(0, Math.max(0, this.#checkpoints.length - this.#int(2)))
  }

  // ---- publishers ---------------------------------------------------------------------------------------------------

  #publishAtOrigin(): void {
    const prev = this.#origin.at(-1)?.position ?? START
    this.#stamps += 1n
    const sequence = prev.sequence + 1 + this.#int(3)
    // Marked: another attempt of it may be here. Sometimes an event whose first attempt went to this region.
    const mark = this.#chance(0.2) ? { region: 'here', sinceMs: this.#now, untilMs: this.#now + LIFE } : undefined
    const id = `x${this.#origin.length + 1}`
    this.#origin.push({ id, position: { sequence, stamp: this.#stamps }, prev, mark, byteLength: 1 + this.#int(5) })
    if (mark !== undefined && this.#chance(0.5)) this.#storeHere(id, false)
  }

  /** A retry of something that the origin has: marked, so its publisher looks for a copy first. */
  #publishCopyHere(): void {
    const recent = this.#origin.slice(-6)
    const event = recent[this.#int(recent.length)]
    if (event !== undefined && !this.#log.some(({ id }) => id === event.id)) this.#storeHere(event.id, true)
  }

  #storeHere(id: string, marked: boolean): void {
    if (!this.#remembers(id)) this.#append({ id, origin: undefined, marked })
  }

  // ---- the driver of a run ------------------------------------------------------------------------------------------

  #session(): SessionIdentity {
    return { serverId: 'server', reconnects: this.#boot, streamCreated: 'once' }
  }

  #open(): Applier {
    const session = this.#session()
    const last = this.#lastOfOrigin()
    const facts: StreamFacts = { stampAt: (sequence) => this.#log[sequence - 1]?.stamp }
    const checkpoint = this.#checkpoints.at(-1)
    const opening = this.#on('checkpoint-guard') ? { last, checkpoint, facts } : this.#trusting(last, checkpoint, facts)
    const run = new ApplyRun<WireRecord>({ session, ...opening, batchRecordsMax: 3, batchBytesMax: 8 })
    return { run, session, todo: run.begin(), answer: undefined, lastSent: START, sleepsUntil: 0 }
  }

  /** Without the guard of rule 3, a checkpoint counts while the numbers look plausible. */
  #trusting(last: LocalRecord | undefined, checkpoint: Checkpoint | undefined, facts: StreamFacts) {
    const plausible =
      checkpoint !== undefined &&
      checkpoint.end.sequence <= this.#log.length &&
      checkpoint.lastOf.sequence >= (last?.localSequence ?? 0)
    if (!plausible) return { last, checkpoint: undefined, facts }
    const lastOf = { sequence: last?.localSequence ?? 0, stamp: last?.localStamp ?? 0n }
    return { last, checkpoint: { ...checkpoint, lastOf }, facts: { stampAt: () => checkpoint.end.stamp } }
  }

  /** Acts, or hands in the answer to what was acted on before: time passes in between. */
  #step(applier: Applier): void {
    const { answer, todo } = applier
    if (answer !== undefined) {
      applier.answer = undefined
      applier.todo = this.#next(applier, answer)
    } else if (todo !== undefined) {
      applier.todo = undefined
      this.#act(applier, todo)
    }
  }

  #next(applier: Applier, answer: RunInput<WireRecord>): RunAction<WireRecord> {
    const action = applier.run.next(answer, this.#on('session') ? this.#session() : applier.session)
    if (action.kind === 'end') this.#count(action.reason)
    return action
  }

  #count(reason: string): void {
    if (reason === 'fenced') this.seen.fenced++
    if (reason === 'overtaken') this.seen.overtaken++
    if (reason === 'session-changed') this.seen.sessionChanged++
    if (reason === 'hole') this.seen.holes++
  }

  #act(applier: Applier, action: RunAction<WireRecord>): void {
    switch (action.kind) {
      case 'receive':
        applier.answer = { kind: 'records', records: this.#following(applier.run.position) }
        return
      case 'check': {
        const copies = action.records.map((record) => this.#on('copy-check') && this.#isCopy(record, action.thorough))
        const next = this.#next(applier, { kind: 'checked', copies })
        // From the check until the batch is dead at most one batch life passes, so it is sent at once.
        if (next.kind === 'send') this.#act(applier, next)
        else applier.todo = next
        return
      }
      case 'send':
        this.#send(applier, action.records, action.fence)
        return
      case 'read-last':
        applier.answer = { kind: 'last', last: this.#lastAfterBatch(applier) }
        return
      case 'read-end':
        applier.answer = { kind: 'end', last: this.#lastOfOrigin(), end: this.#end() }
        return
      case 'write-checkpoint':
        this.seen.checkpoints++
        this.#checkpoints.push(action.checkpoint)
        applier.answer = { kind: 'checkpointed' }
    }
  }

  #send(applier: Applier, records: readonly WireRecord[], fence: number): void {
    applier.lastSent = records.at(-1)?.position ?? START
    const settle = (result: SendResult) => {
      if (result.kind === 'duplicate') this.seen.duplicates++
      applier.answer = { kind: 'sent', result }
    }
    this.#inFlight.push({ records, fence, openedAt: this.#now, boot: applier.session.reconnects, settle })
  }

  /** Without rule 3b a run takes whatever is last for its own. */
  #lastAfterBatch(applier: Applier): LocalRecord | undefined {
    const last = this.#lastOfOrigin()
    return this.#on('after-batch') || last === undefined ? last : { ...last, position: applier.lastSent }
  }

  #isCopy({ id, mark }: WireRecord, thorough: boolean): boolean {
    const here = { nowMs: this.#now, duplicateWindowMs: WINDOW, batchLifeMs: LIFE, skewMs: 0 }
    const scan = mark !== undefined && (thorough || typeof copyCheckOf(mark, here) !== 'string')
    return this.#log.some((stored) => stored.id === id && (stored.marked || scan))
  }

  #end(): LocalPlace {
    return { sequence: this.#log.length, stamp: this.#log.at(-1)?.stamp ?? 0n }
  }

  /** What the origin serves behind a position: it has every record, and knows a position by sequence and stamp. */
  #following(position: Position): readonly WireRecord[] {
    const at = this.#origin.findIndex((record) => record.position.sequence === position.sequence)
    return this.#origin.slice(at + 1, at + 1 + 1 + this.#int(5))
  }

  // ---- the verdict --------------------------------------------------------------------------------------------------

  #problems(): readonly string[] {
    const problems: string[] = []
    const count = new Map<string, number>()
    for (const { id } of this.#log) count.set(id, (count.get(id) ?? 0) + 1)
    for (const { id } of this.#origin) {
      const times = count.get(id) ?? 0
      if (times === 0) problems.push(`I1 ${id} is missing`)
      if (times > 1) problems.push(`I2 ${id} is there ${times} times`)
    }
    let last = 0
    for (const { origin, id } of this.#log) {
      if (origin === undefined) continue
      if (origin.sequence <= last) problems.push(`I3 ${id} is out of order`)
      last = origin.sequence
    }
    if (this.seen.holes > 0) problems.push('a hole on a wire that has none')
    return problems
  }
}
