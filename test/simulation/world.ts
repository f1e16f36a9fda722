import { TopicEgress, type Traits } from './egress.ts'
import { type Profile, TICK_MS } from './profiles.ts'
import { Random } from './random.ts'
import type { Stored } from './record.ts'
import { type Pod, Region } from './region.ts'
import type { Rule } from './rules.ts'

/** Something that takes its time: each `yield` is a point where it may be overtaken, or end for ever. */
export type Steps<T = void> = Generator<void, T, void>

/** A process's piece of work. */
export type Actor = {
  readonly steps: Steps
  /** Where it runs: it stands still while that is paused. Undefined: a client, outside of every region. */
  readonly pod: Pod | undefined
  /** "<region><origin>" of an applier, which a crash may end; undefined for others. */
  readonly applier: string | undefined
}

/** Who acknowledged an event, and who else was said to have it. */
export type Holders = {
  readonly region: Region
  readonly holders: readonly string[]
  /** How often each region had lost records when that was said; undefined: as now. */
  readonly losses?: ReadonlyMap<Region, number>
}

/** What a run is asked for. */
export type WorldOptions = {
  readonly seed: number
  readonly profile: Profile
  readonly off?: readonly Rule[]
  /** Takes the trace, line by line. */
  readonly trace?: ((line: string) => void) | undefined
}

const NAMES = 'abcdefg'
const NANOSECONDS = 1_000_000n

/** Everything there is in one run: regions, links, what is going on, and what must come out. */
export class World {
  readonly profile: Profile
  readonly random: Random
  readonly regions: Region[]
  readonly seed: number
  /** What may leave which region; undefined: everything. */
  readonly egress: TopicEgress | undefined
  /** True time, ticks. */
  now = 0
  /** True while somebody reads the trace. */
  readonly tracing: boolean
  /** Acknowledged events, and by whom. */
  readonly acked = new Map<string, string>()
  /** Events whose every copy went with a power loss: nothing can bring them back. */
  readonly lost = new Set<string>()
  /** Stamps of the positions behind which some region wrote a gap down. */
  readonly gaps = new Set<bigint>()
  /** What decides where an event may go; only with an egress. */
  readonly traits = new Map<string, Traits>()
  readonly problems: string[] = []
  readonly stats = {
    stores: 0,
    controls: 0,
    duplicates: 0,
    fenced: 0,
    copies: 0,
    overtaken: 0,
    sessions: 0,
    checkpoints: 0,
    branches: 0,
    repaired: 0,
    adopted: 0,
    holes: 0,
    losses: 0,
    recreated: 0,
    late: 0,
    forwards: 0,
    quorums: 0,
    expired: 0,
    gaps: 0,
    gapped: 0,
    moves: 0,
    revived: 0,
    pastTime: 0,
    kills: 0,
    pauses: 0,
    clocks: 0,
  }
  readonly #off: ReadonlySet<Rule>
  readonly #trace: ((line: string) => void) | undefined
  readonly #cut = new Set<string>()
  /** Ways that never were: "<from><to>". */
  readonly #missing = new Set<string>()
  readonly #copies = new Map<string, number>()
  /** When each event was stored first, ticks. */
  readonly #born = new Map<string, number>()
  /** Events that were acknowledged by a quorum: who was said to have them, and how often each region had lost something. */
  /** Quorum: when each region stored an event, and how often it had lost records by then. */
  readonly #storedAfter = new Map<string, Map<Region, { readonly at: number; readonly losses: number }>>()
  readonly #held = new Map<
    string,
    { readonly holders: readonly string[]; readonly losses: ReadonlyMap<Region, number> }
  >()
  readonly #actors: Actor[] = []
  readonly #running = new Map<string, number>()
  #stamps = 0
  #ids = 0

  constructor({ seed, profile, off, trace }: WorldOptions) {
    this.seed = seed
    this.profile = profile
    this.random = new Random(seed)
    this.#off = new Set(off)
    this.#trace = trace
    this.tracing = trace !== undefined
    const count = this.#between(profile.regions)
    this.regions = Array.from(
      { length: count },
      (_, index) => new Region(this, NAMES.charAt(index), index, this.#between(profile.pods)),
    )
    const names = this.regions.map(({ name }) => name)
    if (profile.routes) this.#layOut()
    this.egress = profile.egress ? new TopicEgress(this.random, names) : undefined
  }

  /** True unless the rule is switched off. */
  on(rule: Rule): boolean {
    return !this.#off.has(rule)
  }

  /** Adds a line to the trace. Costly: ask `tracing` first. */
  say(...words: readonly unknown[]): void {
    this.#trace?.(`${String(this.now).padStart(5)} ${words.join(' ')}`)
  }

  region(name: string): Region | undefined {
    return this.regions.find((region) => region.name === name)
  }

  // ---- links ----------------------------------------------------------------------------------------------------------

  /** Whether `from` hears `to`. */
  linked(from: Region, to: Region): boolean {
    if (from === to || !from.up || !to.up) return false
    if (this.profile.line && Math.abs(from.index - to.index) > 1) return false
    return !this.#cut.has(this.#linkOf(from, to)) && !this.#missing.has(from.name + to.name)
  }

  /** Whether a question gets from one region to another over relays. */
  path(from: Region, to: Region): boolean {
    const seen = new Set([from])
    const todo = [from]
    for (let region = todo.pop(); region !== undefined; region = todo.pop()) {
      if (region === to) return true
      for (const next of this.regions) {
        if (seen.has(next) || !this.linked(region, next)) continue
        seen.add(next)
        todo.push(next)
      }
    }
    return false
  }

  /** Cuts a link, or mends it. */
  toggleLink(from: Region, to: Region): void {
    const link = this.#linkOf(from, to)
    if (!this.#cut.delete(link)) this.#cut.add(link)
  }

  mendLinks(): void {
    this.#cut.clear()
  }

  /** Cuts are of one direction where routes are chosen: one region hears the other, and is not heard. */
  #linkOf(from: Region, to: Region): string {
    return this.profile.routes || from.index < to.index ? from.name + to.name : to.name + from.name
  }

  /** Costs, and ways that there are not: every region has one to every other, over relays at least. */
  #layOut(): void {
    const { random, regions } = this
    const equal = random.chance(0.3)
    for (const region of regions) region.routes?.meet(regions, equal)
    const density = random.next()
    for (const from of regions) {
      for (const to of regions) {
        if (from === to || random.chance(density)) continue
        this.#missing.add(from.name + to.name)
        if (!this.path(from, to)) this.#missing.delete(from.name + to.name)
      }
    }
  }

  // ---- what happens in the streams --------------------------------------------------------------------------------------

  /** A stored time, ns: no two acts of storing share one (a server's clock counts nanoseconds). */
  stamp(serverMs: number): bigint {
    this.#stamps++
    return BigInt(serverMs) * NANOSECONDS + BigInt(this.#stamps)
  }

  newId(): string {
    this.#ids++
    return `x${this.#ids}`
  }

  /** A region stored an event. */
  onStored(record: Stored, region: Region): void {
    const isForeign = record.origin !== region.name
    if (this.egress !== undefined && !this.#mayBeHere(record.traits, region.name, isForeign)) {
      this.problem(`EGRESS ${record.id} is in ${region.name}`)
    }
    if (this.egress !== undefined) this.traits.set(record.id, record.traits)
    if (!this.#born.has(record.id)) this.#born.set(record.id, this.now)
    if (this.profile.quorum) this.#noteLosses(record.id, region)
    this.#copies.set(record.id, (this.#copies.get(record.id) ?? 0) + 1)
    if (region.stream.events(record.id).length > 1) this.problem(`I2 ${record.id} twice in ${region.name}`)
    else if (region.stream.shown(record.id) > 1) this.stats.revived++
  }

  #noteLosses(id: string, region: Region): void {
    const stored = this.#storedAfter.get(id) ?? new Map<Region, { readonly at: number; readonly losses: number }>()
    this.#storedAfter.set(id, stored.set(region, { at: this.now, losses: region.losses }))
  }

  /** Whether an event may lie in a region, where it came from another one or not. */
  #mayBeHere(traits: Traits, region: string, isForeign: boolean): boolean {
    return (isForeign ? this.egress?.leaves(traits, region) : this.egress?.mayHold(traits, region)) !== false
  }

  /** Whether a region must have an event that some region has. */
  belongs(id: string, region: Region): boolean {
    const traits = this.traits.get(id)
    return traits === undefined || this.#mayBeHere(traits, region.name, true)
  }

  /** Retention took an event from a region. */
  onExpired(record: Stored): void {
    this.#copies.set(record.id, (this.#copies.get(record.id) ?? 1) - 1)
  }

  /** A region lost an event for good. */
  onLost(record: Stored, region: Region): void {
    const left = (this.#copies.get(record.id) ?? 1) - 1
    this.#copies.set(record.id, left)
    if (left > 0) return
    if (this.tracing) this.say(region.name, 'had the only copy of', record.id)
    this.lost.add(record.id)
  }

  /** Whether some region has it. */
  isKept(id: string): boolean {
    return (this.#copies.get(id) ?? 0) > 0
  }

  /** Whether it is older than what the topic keeps. */
  isPastTime(id: string): boolean {
    const { retentionTicks } = this.profile
    return retentionTicks > 0 && this.now - (this.#born.get(id) ?? this.now) > retentionTicks
  }

  /** Every event that some region has. */
  events(): readonly string[] {
    return [...this.#copies].filter(([, copies]) => copies > 0).map(([id]) => id)
  }

  ack(id: string, { region, holders, losses: said }: Holders): void {
    if (this.tracing) this.say('acked', id, 'by', region.name, ...holders)
    if (region.stream.shown(id) > 0) this.acked.set(id, region.name)
    if (!this.profile.quorum) return
    this.stats.quorums++
    const losses = new Map(
      this.regions.map((one) => [one, Math.min(this.#lossesBefore(id, one), said?.get(one) ?? one.losses)]),
    )
    this.#held.set(id, { holders: [region.name, ...holders], losses })
  }

  /** How often each region has lost records. */
  losses(): ReadonlyMap<Region, number> {
    return new Map(this.regions.map((region) => [region, region.losses]))
  }

  /**
   * How often a region had lost records before the loss would take this event: a loss between its report, which was just
   * made, and the acknowledgement is one more failure, too.
   */
  #lossesBefore(id: string, region: Region): number {
    const stored = this.#storedAfter.get(id)?.get(region)
    const isFresh = stored !== undefined && this.now - stored.at <= 2 * this.profile.lifeTicks
    return isFresh ? stored.losses : region.losses
  }

  /** What was acknowledged by a quorum must outlive any one region. */
  checkQuorum(gone: Region): void {
    for (const [id, { holders, losses }] of this.#held) {
      if ((this.#copies.get(id) ?? 0) > 0) continue
      const others = [...losses].filter(([region]) => region !== gone)
      const intact = others.filter(([region, count]) => region.losses === count)
      const left = intact.find(([{ name }]) => holders.includes(name))
      if (left === undefined && intact.length < others.length) continue
      this.problem(`QUORUM ${id} went with ${gone.name}, and ${left?.[0].name ?? 'the others'} lost nothing`)
    }
  }

  problem(text: string): void {
    if (this.tracing) this.say('PROBLEM', text)
    this.problems.push(text)
  }

  // ---- actors -----------------------------------------------------------------------------------------------------------

  start(actor: Actor): void {
    this.#actors.push(actor)
    if (actor.applier !== undefined) this.#running.set(actor.applier, this.appliers(actor.applier) + 1)
  }

  /** How many appliers of this name run. */
  appliers(name: string): number {
    return this.#running.get(name) ?? 0
  }

  /** True while a client or a handler of its attempts is at work. */
  get publishing(): boolean {
    return this.#actors.some(({ applier }) => applier === undefined)
  }

  /** One actor takes one step. */
  step(): void {
    const index = this.random.below(this.#actors.length)
    const actor = this.#actors[index]
    if (actor === undefined || (actor.pod !== undefined && actor.pod.pausedUntil > this.now)) return
    if (actor.steps.next().done) this.#remove(index)
  }

  /** One actor, if it is an applier, ends without a word. */
  crashOne(): void {
    const index = this.random.below(this.#actors.length)
    const applier = this.#actors[index]?.applier
    if (applier === undefined) return
    if (this.tracing) this.say('applier crash', applier)
    this.#remove(index)
  }

  /** Everything that runs in these pods ends without a word. */
  crash(gone: (pod: Pod) => boolean): void {
    for (let index = this.#actors.length - 1; index >= 0; index--) {
      const pod = this.#actors[index]?.pod
      if (pod !== undefined && gone(pod)) this.#remove(index)
    }
  }

  #remove(index: number): void {
    const actor = this.#actors[index]
    const last = this.#actors.pop()
    if (last !== undefined && index < this.#actors.length) this.#actors[index] = last
    if (actor?.applier !== undefined) this.#running.set(actor.applier, this.appliers(actor.applier) - 1)
  }

  #between([least, most]: readonly [number, number]): number {
    return least + this.random.below(most - least + 1)
  }
}

/** Waits so many ticks. */
export function* sleep(world: World, ticks: number): Steps {
  for (const until = world.now + ticks; world.now < until; ) yield
}

/** Ticks as the code that ships counts time. */
export function milliseconds(ticks: number): number {
  return ticks * TICK_MS
}
