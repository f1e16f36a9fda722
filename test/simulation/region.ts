import {
  type Checkpoint,
  type GapAnswers,
  type Position,
  type SendResult,
  type SessionIdentity,
  samePosition,
} from '@landbridge/core'
import { EPOCH_MS, TICK_MS } from './profiles.ts'
import { type Message, type Stored, show } from './record.ts'
import { RouteTable } from './route-table.ts'
import { Stream } from './stream.ts'
import type { World } from './world.ts'

/** A batch on its way to the server: all of it is stored at once, or nothing. */
export type Batch = {
  readonly messages: readonly Message[]
  /** The last local sequence of the origin (of its markers, for markers) that it must find; undefined: any. */
  readonly fence: number | undefined
  readonly openedAt: number
  /** Messages that have arrived. */
  arrived: number
  /** Whoever sends it stands still in the middle of it until then. */
  stalledUntil: number
  /** It reaches the server only over this one. */
  readonly session: SessionIdentity
  /** What the server answered; undefined while nobody knows. */
  result: SendResult | undefined
}

/** A gateway process. */
export type Pod = {
  readonly name: string
  readonly region: Region
  /** It stands still until then (SIGSTOP, a long collection of garbage). */
  pausedUntil: number
}

/** How many values of a checkpoint the bucket keeps, so that a power loss can bring back an old one. */
const CHECKPOINTS_KEPT = 3
/** How many ends of its own records a region remembers. */
const TAILS_KEPT = 16

/** One of a region's own records, and up to where there was none behind it. */
type OwnTail = { readonly position: Position; readonly scanned: number }

/** One region: its stream's server, its key-value bucket, its gateways. */
/** How far another region has applied this log, and when that was heard. */
type HeardPosition = { readonly region: string; readonly position: Position; readonly heardAtMs: number }

export class Region {
  readonly name: string
  readonly index: number
  readonly pods: readonly Pod[]
  /** What it chooses upstreams from; undefined: they are chosen at random. */
  readonly routes: RouteTable | undefined
  readonly #world: World
  /** False: the region is cut off and stands still, and loses nothing. */
  up = true
  stream = new Stream()
  /** Local sequence up to which everything survives a power loss. */
  synced = 0
  /** The bucket's history of each origin's checkpoint, oldest first: a power loss may take the newest. */
  readonly checkpoints = new Map<string, readonly Checkpoint[]>()
  /** Events that it had and lost: what says that it has them may have outlived them. */
  readonly hadOnce = new Set<string>()
  /** Behind which local sequence an origin was begun anew the last time, because nothing was left that told how far it was. */
  readonly restarts = new Map<string, number>()
  /** How often it lost something. */
  losses = 0
  /** How far other regions have applied this log, as they said over pulls of this session. */
  #reports: readonly HeardPosition[] = []
  /** What upstreams said of an origin's records that they do not keep. */
  readonly gapAnswers = new Map<string, GapAnswers>()
  /** How far the region's clock is from the true time, ticks. */
  clockOffset = 0
  #boot = 0
  #created = 1
  #session: SessionIdentity
  #inFlight: Batch[] = []
  #tails: readonly OwnTail[] = []
  /** Origins whose checkpoint a power loss took, or the records that it names: retention may take the rest. */
  readonly #forgotten = new Set<string>()

  constructor(world: World, name: string, index: number, pods: number) {
    this.#world = world
    this.name = name
    this.index = index
    this.pods = Array.from({ length: pods }, (_, pod) => ({ name: `${name}${pod}`, region: this, pausedUntil: 0 }))
    this.routes = world.profile.routes ? new RouteTable(world, this) : undefined
    this.#session = this.#identity()
  }

  /** What a run binds itself to (rule 6). */
  get session(): SessionIdentity {
    return this.#session
  }

  /** The clock of the region's server and gateways, ms. */
  get nowMs(): number {
    return EPOCH_MS + (this.#world.now + this.clockOffset) * TICK_MS
  }

  /** Sends messages as one batch, over the session in which its sender has found what it knows. */
  send(messages: readonly Message[], fence: number | undefined, session: SessionIdentity): Batch {
    const batch: Batch = {
      messages,
      fence,
      openedAt: this.#world.now,
      arrived: 0,
      stalledUntil: 0,
      session,
      result: undefined,
    }
    this.#inFlight.push(batch)
    return batch
  }

  /** One batch in flight arrives, if it still can. */
  deliver(): void {
    const { profile, random, now } = this.#world
    if (this.#inFlight.length === 0) return
    const index = random.below(this.#inFlight.length)
    const batch = this.#inFlight[index]
    if (batch === undefined || batch.stalledUntil > now) return
    const late = now - batch.openedAt > profile.lifeTicks
    const lost = this.#world.on('session') && batch.session !== this.#session
    if (late || lost) batch.result = { kind: 'failed' }
    else batch.result = profile.pieces ? this.#storeNext(batch) : this.#store(batch)
    if (batch.result !== undefined) this.#inFlight.splice(index, 1)
  }

  /** Everything that is in flight. */
  get busy(): boolean {
    return this.#inFlight.length > 0
  }

  /** Whether the server has this id in its memory. */
  remembers(id: string): boolean {
    const newest = this.stream.events(id).at(-1)
    return newest !== undefined && newest.storedMs > this.nowMs - this.#world.profile.windowTicks * TICK_MS
  }

  /** All or nothing. */
  #store({ messages, fence }: Batch): SendResult {
    if (this.#fenced(messages, fence)) return { kind: 'fenced' }
    const ids = new Set<string>()
    for (const message of messages) {
      if (message.kind !== 'event') continue
      if (ids.has(message.id) || this.#isRepeat(message)) return { kind: 'duplicate' }
      ids.add(message.id)
    }
    for (const message of messages) this.#append(message)
    return { kind: 'stored', lastSequence: this.stream.last }
  }

  /** One message after the other: only the first is fenced, and a repeated one is passed over without a word. */
  #storeNext(batch: Batch): SendResult | undefined {
    const { messages, fence, arrived } = batch
    if (arrived === 0 && this.#fenced(messages, fence)) return { kind: 'fenced' }
    const message = messages[arrived]
    batch.arrived++
    const { random, profile, now } = this.#world
    if (random.chance(profile.rates.stall)) batch.stalledUntil = now + random.below(profile.lifeTicks)
    if (message !== undefined && !this.#isRepeat(message)) this.#append(message)
    return batch.arrived < messages.length ? undefined : { kind: 'stored', lastSequence: this.stream.last }
  }

  #fenced([first]: readonly Message[], fence: number | undefined): boolean {
    if (first === undefined || fence === undefined || !this.#world.on('fence')) return false
    if (this.stream.fenceOf(first.origin, first.kind === 'marker') === fence) return false
    this.#world.stats.fenced++
    return true
  }

  #isRepeat(message: Message): boolean {
    if (message.kind !== 'event' || !this.remembers(message.id)) return false
    this.#world.stats.duplicates++
    if (this.#world.tracing) this.#world.say(this.name, 'server knows', show(message))
    return true
  }

  #append(message: Message): void {
    const world = this.#world
    const stamp = world.stamp(this.nowMs)
    const stored = this.stream.append(message, message.origin === this.name, stamp, this.nowMs, world.now)
    world.stats.stores++
    if (message.kind !== 'event' && message.kind !== 'marker') world.stats.controls++
    if (stored.kind === 'gap') world.gaps.add(stored.position.stamp)
    if (stored.kind === 'event') world.onStored(stored, this)
    if (world.tracing) world.say(this.name, 'stores', show(stored), 'at', stored.localSequence)
  }

  /** The server stops at once: what was not synced may be gone, and the bucket may be older than the stream. */
  losePower(): void {
    const { random } = this.#world
    const keep = this.synced + random.below(this.stream.last - this.synced + 1)
    if (this.#world.tracing) this.#world.say(this.name, 'POWER LOSS', this.stream.last, '->', keep)
    this.losses++
    this.stream.truncate(keep, this.#lost)
    this.synced = Math.min(this.synced, this.stream.last)
    if (this.#world.on('tails')) this.#checkTails()
    for (const [origin, history] of this.checkpoints) {
      const kept = 1 + random.below(history.length)
      const left = history[kept - 1]
      const namesLost = left !== undefined && left.end.sequence > keep
      const forgets = random.chance(0.1)
      if (forgets || namesLost) this.#forgotten.add(origin)
      if (forgets) this.checkpoints.delete(origin)
      else this.checkpoints.set(origin, history.slice(0, kept))
    }
    this.reconnect()
  }

  /** Somebody deletes the stream and makes it anew. The bucket stays. */
  recreate(): void {
    if (this.#world.tracing) this.#world.say(this.name, 'STREAM RECREATED')
    this.losses++
    this.stream.truncate(0, this.#lost)
    this.stream = new Stream()
    this.synced = 0
    this.#tails = []
    this.#created++
    this.reconnect()
  }

  /** Another session begins: pulls from here end, and what others heard over them does not count any more. */
  reconnect(): void {
    this.#boot++
    this.#reports = []
    for (const other of this.#world.regions) other.onPullEnded(this.name)
    this.#session = this.#identity()
  }

  /** A run begins at a position. */
  onOpen(origin: string, { sequence }: Position): void {
    if (sequence === 0 && this.forgets(origin)) this.restarts.set(origin, this.stream.last)
  }

  /** Whether nothing tells how far an origin is but its records, if any are kept. */
  forgets(origin: string): boolean {
    const newest = this.checkpoints.get(origin)?.at(-1)
    const tells = newest?.streamCreated === this.#session.streamCreated && newest.position.sequence > 0
    return !tells || this.#forgotten.has(origin)
  }

  writeCheckpoint(origin: string, checkpoint: Checkpoint): void {
    const history = [...(this.checkpoints.get(origin) ?? []), checkpoint]
    this.checkpoints.set(origin, history.slice(-CHECKPOINTS_KEPT))
    if (checkpoint.position.sequence > 0) this.#forgotten.delete(origin)
    this.#world.stats.checkpoints++
  }

  get reports(): readonly HeardPosition[] {
    return this.#reports
  }

  /** Another region says how far it has applied this log. */
  onApplied(region: string, position: Position): void {
    const known = this.#reports.find((report) => report.region === region)
    if (known !== undefined && samePosition(known.position, position)) return
    const report = { region, position, heardAtMs: this.#world.now * TICK_MS }
    this.#reports = [...this.#reports.filter((other) => other !== known), report]
  }

  onPullEnded(region: string): void {
    this.#reports = this.#reports.filter((report) => report.region !== region)
  }

  /** Retention goes its round. */
  expire(): void {
    const { profile, stats } = this.#world
    const keptFromMs = this.nowMs - profile.retentionTicks * TICK_MS
    let { first } = this.stream
    while ((this.stream.at(first)?.storedMs ?? keptFromMs) < keptFromMs) first++
    this.stream.expire(first, (record) => {
      stats.expired++
      if (record.kind === 'event') this.#world.onExpired(record)
    })
  }

  /** Takes note of where its own records end, as the gateways do for the time when retention has taken them. */
  noteTail(): void {
    const last = this.stream.of(this.name).at(-1)
    if (last === undefined) return
    this.#tails = [...this.#tails, { position: last.position, scanned: this.stream.last }].slice(-TAILS_KEPT)
  }

  /** What was noted in the session before may be of records that are gone. */
  #checkTails(): void {
    const { last } = this.stream
    this.#tails = this.#tails
      .filter(({ position }) => position.sequence <= last)
      .map(({ position, scanned }) => ({ position, scanned: Math.min(scanned, last) }))
  }

  /** What is remembered of its own record at a position. */
  tailAt(position: Position): OwnTail | undefined {
    return this.#tails.findLast((tail) => samePosition(tail.position, position))
  }

  readonly #lost = (record: Stored): void => {
    if (record.kind !== 'event') return
    this.hadOnce.add(record.id)
    this.#world.onLost(record, this)
  }

  #identity(): SessionIdentity {
    return { serverId: this.name, reconnects: this.#boot, streamCreated: String(this.#created) }
  }
}
