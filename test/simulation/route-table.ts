import { firstUpstream, mayBeatOrigin, type Position, type RouteCandidate, START, samePosition } from '@landbridge/core'
import type { HeadReport } from '../../gateway/replicate/pull/lag-meter.ts'
import type { KnownHead } from '../../gateway/replicate/serve/relay-head.ts'
import type { Region } from './region.ts'
import { milliseconds, type World } from './world.ts'

/** A link that came or went is noticed, in a tick. */
const NOTICES = 0.5
/** A peer tells what it holds, in a tick. */
const TELLS = 0.5
/** Costs and round trips are below this: a relay may be better than an origin, and the other way round. */
const COST_MAX = 600
const RTT_MAX_MS = 200
/** A round trip differs by so much from one time to the next. */
const RTT_JITTER_MS = 40

type Held = { readonly position: Position; readonly repairing: boolean }

type Peer = {
  readonly region: Region
  readonly cost: number
  readonly rttMs: number
  /** The link carries something, as far as is known here. */
  up: boolean
  /** What it said it holds, by origin. */
  readonly holdings: Map<string, Held>
}

/** A pull that chooses by the table, as others see it. */
export type Chooser = {
  /** Where its records come from, or would. */
  readonly upstream: string | undefined
  /** Whether it wants to know who else holds its origin. */
  readonly wants: boolean
  /** The origin's end, as its run knows it, and who says so; undefined while none is open. */
  readonly head: (HeadReport & { readonly from: string }) | undefined
  /** A link came up: what was wrong with the peer before may be over. */
  linkUp(region: string): void
}

/** What a region knows of the ways to the others: its links, their costs, and what peers said they hold of others. */
export class RouteTable {
  readonly #world: World
  readonly #region: Region
  readonly #peers = new Map<string, Peer>()
  /** By origin; a pull that began later takes the place of the one before. */
  readonly #choosers = new Map<string, Chooser>()
  #changes = 0

  constructor(world: World, region: Region) {
    this.#world = world
    this.#region = region
  }

  /** Counts what may change a choice. */
  get changes(): number {
    return this.#changes
  }

  /** Meets the other regions. @param equal all links cost the same, and are equally long */
  meet(regions: readonly Region[], equal: boolean): void {
    const { random } = this.#world
    for (const region of regions) {
      if (region === this.#region) continue
      const cost = equal ? 100 : random.below(COST_MAX)
      const rttMs = equal ? RTT_JITTER_MS : random.below(RTT_MAX_MS)
      this.#peers.set(region.name, { region, cost, rttMs, up: false, holdings: new Map() })
    }
  }

  /** A second passes: links are noticed, peers tell. */
  tick(): void {
    const { random } = this.#world
    for (const [name, peer] of this.#peers) {
      const isUp = this.#world.linked(this.#region, peer.region)
      if (isUp !== peer.up && random.chance(NOTICES)) this.#change(name, peer, isUp)
      if (peer.up && isUp && random.chance(TELLS)) this.#hear(name, peer)
    }
  }

  /** A link was found to be down. */
  lost(name: string): void {
    const peer = this.#peers.get(name)
    if (peer?.up === true) this.#change(name, peer, false)
  }

  /** Whether the link to a region carries something, as far as is known. */
  isUp(name: string): boolean {
    return this.#peers.get(name)?.up === true
  }

  /** The region at the other end of a link. */
  peer(name: string): Region | undefined {
    return this.#peers.get(name)?.region
  }

  /** Every region that may serve an origin, as it is now. */
  candidates(origin: string): readonly RouteCandidate[] {
    const { random } = this.#world
    return [...this.#peers].map(([region, { up, cost, rttMs, holdings }]) => {
      const held = holdings.get(origin)
      const now = { rttMs: up ? rttMs + random.below(RTT_JITTER_MS) : undefined, held: held?.position }
      return { region, up, allowed: true, cost, ...now, repairing: held?.repairing ?? false }
    })
  }

  add(origin: string, chooser: Chooser): void {
    this.#choosers.set(origin, chooser)
  }

  /** Where an origin's events come from, or would: what a relay hands on goes there. */
  upstreamOf(origin: string): string | undefined {
    const chooser = this.#choosers.get(origin)
    if (chooser !== undefined) return chooser.upstream
    return firstUpstream({ origin, candidates: this.candidates(origin), nowMs: milliseconds(this.#world.now) })
  }

  /** What our own pull knows of an origin's end. */
  originHead(origin: string): KnownHead | undefined {
    const head = this.#choosers.get(origin)?.head
    return head && { ...head, position: head.head }
  }

  #change(name: string, peer: Peer, up: boolean): void {
    peer.up = up
    peer.holdings.clear()
    this.#changes++
    if (up) for (const chooser of this.#choosers.values()) chooser.linkUp(name)
  }

  /** Peers are asked about origins that do not come from the origin itself, or need not. */
  #hear(name: string, { region, cost, holdings }: Peer): void {
    for (const [origin, { cost: originCost }] of this.#peers) {
      if (origin === name) continue
      const wants = this.#choosers.get(origin)?.wants === true || mayBeatOrigin(originCost, cost)
      if (!wants) holdings.delete(origin)
      else if (!holdings.has(origin) || this.#world.on('holdings')) this.#take(holdings, origin, heldBy(region, origin))
    }
  }

  #take(holdings: Map<string, Held>, origin: string, held: Held): void {
    const known = holdings.get(origin)
    if (known?.repairing === held.repairing && samePosition(known.position, held.position)) return
    holdings.set(origin, held)
    this.#changes++
  }
}

function heldBy({ stream }: Region, origin: string): Held {
  const last = stream.lastOf(origin)
  return { position: last?.position ?? START, repairing: last?.control === 'branch' }
}
