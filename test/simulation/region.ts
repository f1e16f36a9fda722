import type { Checkpoint, SendResult, SessionIdentity } from '@landbridge/core'
import { TICK_MS } from './profiles.ts'
import { type Message, type Stored, show } from './record.ts'
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

/** One region: its stream's server, its key-value bucket, its gateways. */
export class Region {
  readonly name: string
  readonly index: number
  readonly pods: readonly Pod[]
  readonly #world: World
  /** False: the region is cut off and stands still, and loses nothing. */
  up = true
  stream = new Stream()
  /** Local sequence up to which everything survives a power loss. */
  synced = 0
  /** The bucket's history of each origin's checkpoint, oldest first: a power loss may take the newest. */
  readonly checkpoints = new Map<string, readonly Checkpoint[]>()
  /** How far the region's clock is from the true time, ticks. */
  clockOffset = 0
  #boot = 0
  #created = 1
  #session: SessionIdentity
  #inFlight: Batch[] = []

  constructor(world: World, name: string, index: number, pods: number) {
    this.#world = world
    this.name = name
    this.index = index
    this.pods = Array.from({ length: pods }, (_, pod) => ({ name: `${name}${pod}`, region: this, pausedUntil: 0 }))
    this.#session = this.#identity()
  }

  /** What a run binds itself to (rule 6). */
  get session(): SessionIdentity {
    return this.#session
  }

  /** The clock of the region's server and gateways, ms. */
  get nowMs(): number {
    return (this.#world.now + this.clockOffset) * TICK_MS
  }

  /** Sends messages as one batch, over the session in which its sender has found what it knows. */
  send(messages: readonly Message[], fence: number | undefined, session: SessionIdentity): Batch {
    const batch: Batch = { messages, fence, openedAt: this.#world.now, arrived: 0, session, result: undefined }
    this.#inFlight.push(batch)
    return batch
  }

  /** One batch in flight arrives, if it still can. */
  deliver(): void {
    const { profile, random, now } = this.#world
    if (this.#inFlight.length === 0) return
    const index = random.below(this.#inFlight.length)
    const batch = this.#inFlight[index]
    if (batch === undefined) return
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
    if (stored.kind === 'event') world.onStored(stored, this)
    if (world.tracing) world.say(this.name, 'stores', show(stored), 'at', stored.localSequence)
  }

  /** The server stops at once: what was not synced may be gone, and the bucket may be older than the stream. */
  losePower(): void {
    const { random } = this.#world
    const keep = this.synced + random.below(this.stream.last - this.synced + 1)
    if (this.#world.tracing) this.#world.say(this.name, 'POWER LOSS', this.stream.last, '->', keep)
    this.stream.truncate(keep, this.#lost)
    this.synced = Math.min(this.synced, this.stream.last)
    for (const [origin, history] of this.checkpoints) {
      const kept = 1 + random.below(history.length)
      if (random.chance(0.1)) this.checkpoints.delete(origin)
      else this.checkpoints.set(origin, history.slice(0, kept))
    }
    this.reconnect()
  }

  /** Somebody deletes the stream and makes it anew. The bucket stays. */
  recreate(): void {
    if (this.#world.tracing) this.#world.say(this.name, 'STREAM RECREATED')
    this.stream.truncate(0, this.#lost)
    this.stream = new Stream()
    this.synced = 0
    this.#created++
    this.reconnect()
  }

  /** Another session begins. */
  reconnect(): void {
    this.#boot++
    this.#session = this.#identity()
  }

  writeCheckpoint(origin: string, checkpoint: Checkpoint): void {
    const history = [...(this.checkpoints.get(origin) ?? []), checkpoint]
    this.checkpoints.set(origin, history.slice(-CHECKPOINTS_KEPT))
    this.#world.stats.checkpoints++
  }

  readonly #lost = (record: Stored): void => {
    if (record.kind === 'event') this.#world.onLost(record, this)
  }

  #identity(): SessionIdentity {
    return { serverId: this.name, reconnects: this.#boot, streamCreated: String(this.#created) }
  }
}
