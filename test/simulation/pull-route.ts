import { create } from '@bufbuild/protobuf'
import {
  blockedUntil,
  chooseUpstream,
  NO_ROUTE,
  type Position,
  type PullMark,
  type RouteState,
  START,
  servedWell,
  type TroubleKind,
  watchPull,
  withoutTrouble,
  withTrouble,
} from '@landbridge/core'
import { PullRefusedSchema, RefusalReason } from '@landbridge/proto'
import { type HeadReport, LagMeter } from '../../gateway/replicate/pull/lag-meter.ts'
import { nextStepOf, type PullOutcome } from '../../gateway/replicate/pull/retry-plan.ts'
import type { Region } from './region.ts'
import type { Chooser, RouteTable } from './route-table.ts'
import type { Served, ServedPull } from './serve.ts'
import { milliseconds, type World } from './world.ts'

/** A run that lasted this long shows that whatever ended the one before is over. */
const STEADY_TICKS = 10

/** How a run ended. */
export type Ended =
  | Exclude<PullOutcome, { kind: 'refused' }>
  | { readonly kind: 'refused'; readonly served: Served['kind'] }

/** The way that one pull takes: what `chooseUpstream` says, with what was learned of each upstream. */
export class PullRoute implements Chooser {
  readonly #world: World
  readonly #table: RouteTable
  readonly #name: string
  readonly #origin: string
  #state: RouteState = NO_ROUTE
  #position: Position = START
  #run: RunWatch | undefined
  #began = 0
  #changes = -1
  #againMs = 0

  /** @param name the region that pulls */
  constructor(world: World, table: RouteTable, name: string, origin: string) {
    this.#world = world
    this.#name = name
    this.#table = table
    this.#origin = origin
    this.#table.add(origin, this)
  }

  get upstream(): string | undefined {
    return this.#run?.upstream ?? this.#state.current
  }

  get wants(): boolean {
    return this.#state.current !== this.#origin
  }

  get head(): (HeadReport & { readonly from: string }) | undefined {
    const report = this.#run?.report
    return report && this.#run && { ...report, from: this.#run.upstream }
  }

  /** The upstream of the next run; undefined: there is none now. */
  next(): Region | undefined {
    this.#run = undefined
    this.#table.add(this.#origin, this)
    const upstream = this.#decide()
    return upstream === undefined ? undefined : this.#table.peer(upstream)
  }

  /** A run begins. */
  begin(upstream: Region, position: Position): RunWatch {
    this.#position = position
    this.#began = this.#world.now
    this.#run = new RunWatch(this.#world, upstream.name, position)
    return this.#run
  }

  /** Everything up to here is applied. Why to leave the upstream; undefined: stay. */
  look(position: Position): Ended | undefined {
    const run = this.#run
    if (run === undefined) return undefined
    this.#position = position
    if (run.applied(position)) this.#good(run.upstream)
    if (run.stalls()) return { kind: 'stalled', who: 'upstream' }
    if (run.upstream !== this.#origin && run.report?.stale === true) this.#stale(run.upstream)
    const better = this.#isDue() ? this.#decide() : this.#state.current
    return better === undefined || better === run.upstream ? undefined : { kind: 'moved', to: better }
  }

  /** A run is over. */
  follow(ended: Ended): void {
    const run = this.#run
    this.#run = undefined
    if (run === undefined) return
    if (ended.kind === 'link-down') this.#table.lost(run.upstream)
    if (this.#world.now - this.#began >= STEADY_TICKS) this.#good(run.upstream)
    const step = nextStepOf(outcomeOf(ended))
    if (this.#world.tracing)
      this.#world.say(this.#name, 'ends a run of', this.#origin, 'from', run.upstream, ended.kind, step.kind)
    if (step.kind === 'trouble') this.#trouble(run.upstream, step.trouble)
  }

  linkUp(region: string): void {
    this.#state = { ...this.#state, troubles: withoutTrouble(this.#state.troubles, region) }
  }

  /** As in a gateway, it is chosen anew when something changed, or time alone may change the choice. */
  #isDue(): boolean {
    return this.#changes !== this.#table.changes || milliseconds(this.#world.now) >= this.#againMs
  }

  #decide(): string | undefined {
    this.#changes = this.#table.changes
    const candidates = this.#table.candidates(this.#origin)
    const view = { origin: this.#origin, candidates, position: this.#position, nowMs: milliseconds(this.#world.now) }
    const { state, upstream, againMs = Number.POSITIVE_INFINITY } = chooseUpstream(this.#state, view)
    if (upstream !== this.#state.current) this.#world.stats.moves++
    this.#state = state
    this.#againMs = againMs
    return upstream
  }

  /** A relay does not hear the origin. */
  #stale(region: string): void {
    const nowMs = milliseconds(this.#world.now)
    if (blockedUntil(this.#state.troubles, region, nowMs) !== undefined || !this.#world.on('circle')) return
    if (this.#table.isUp(this.#origin) || this.#world.on('detour')) this.#trouble(region, 'stale')
  }

  #trouble(region: string, kind: TroubleKind): void {
    const at = { nowMs: milliseconds(this.#world.now), jitter: this.#world.random.next() }
    this.#state = { ...this.#state, troubles: withTrouble(this.#state.troubles, region, kind, at) }
    this.#againMs = at.nowMs
  }

  #good(region: string): void {
    this.#state = { ...this.#state, troubles: servedWell(this.#state.troubles, region) }
  }
}

/** One run as its gateway watches it: how far the origin is said to be, and whether anything comes. */
export class RunWatch {
  readonly upstream: string
  readonly #world: World
  readonly #meter: LagMeter
  #mark: PullMark | undefined
  #waiting = 0
  #signs = 0
  #open = false

  constructor(world: World, upstream: string, position: Position) {
    this.#world = world
    this.upstream = upstream
    this.#meter = new LagMeter(position)
  }

  get report(): HeadReport | undefined {
    return this.#meter.report(milliseconds(this.#world.now))
  }

  /** An answer of the upstream. */
  heard(served: ServedPull, records: readonly { readonly position: Position }[]): void {
    this.#waiting = records.length
    const last = records.at(-1)
    if (last !== undefined) this.#meter.onReceived(records.length, last.position)
    // Also without news a heartbeat of the link says that it is there.
    this.#signs++
    const head = served.head()
    if (head === undefined) return
    this.#open = true
    const { position, pending, stale = false, timeMs } = head
    this.#meter.onHead({ head: position, unsent: pending, stale, timeMs }, milliseconds(this.#world.now))
  }

  /** What waited is stored, up to here. True when there was something. */
  applied(position: Position): boolean {
    const count = this.#waiting
    this.#waiting = 0
    if (count > 0) this.#meter.onApplied(count, position)
    return count > 0
  }

  /** Whether there is more, and nothing comes. */
  stalls(): boolean {
    const progress = { open: this.#open, ...this.#meter.counts, acts: 0, signs: this.#signs }
    const { mark, verdict } = watchPull(this.#mark, progress, milliseconds(this.#world.now))
    this.#mark = mark
    return verdict === 'upstream-stalled'
  }
}

const REASONS = {
  records: RefusalReason.UNSPECIFIED,
  diverged: RefusalReason.DIVERGED,
  'retention-gap': RefusalReason.RETENTION_GAP,
  'cannot-tell': RefusalReason.CANNOT_TELL,
  unavailable: RefusalReason.UNAVAILABLE,
} as const satisfies Record<Served['kind'], RefusalReason>

function outcomeOf(ended: Ended): PullOutcome {
  if (ended.kind !== 'refused') return ended
  return { kind: 'refused', refusal: create(PullRefusedSchema, { reason: REASONS[ended.served] }) }
}
