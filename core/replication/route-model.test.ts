import { describe, expect, it } from 'vitest'
import { Random } from '../testing/random.ts'
import type { Position } from './position.ts'
import { chooseUpstream, NO_ROUTE, type RouteState } from './route.ts'
import { blockedUntil, withTrouble } from './route-troubles.ts'

const STEP_MS = 100
const ORIGIN = 0

type Region = {
  route: RouteState
  /** Records of the origin that are here: the n-th was stored in step n. */
  held: number
  /** What it said it holds, which lags behind. */
  said: number
  /** It does not hear the origin, nor does whom it pulls from. */
  stale: boolean
  moves: number
}

/**
 * A mesh as routing sees it: one origin that stores a record a step, regions that pull from whom they chose. `links` is
 * directed: who can dial whom.
 */
class Model {
  readonly regions: Region[]
  readonly #costs: readonly (readonly number[])[]
  readonly #links: boolean[][]
  #step = 0
  #head = 0

  constructor(costs: readonly (readonly number[])[], links: boolean[][]) {
    this.#costs = costs
    this.#links = links
    this.regions = costs.map(() => ({ route: NO_ROUTE, held: 0, said: 0, stale: true, moves: 0 }))
  }

  run(steps: number, originIsAlive = true): void {
    for (let step = 0; step < steps; step += 1) {
      this.#step += 1
      if (originIsAlive) this.#head = this.#step
      // Holdings are told every 250 ms or so, and not by all at once.
      for (const [index, region] of this.regions.entries())
        if ((this.#step + index) % 3 === 0) region.said = region.held
      const before = this.regions.map((region) => ({ ...region }))
      for (const index of this.regions.keys()) if (index !== ORIGIN) this.#pull(index, before)
    }
  }

  #pull(self: number, before: readonly Readonly<Region>[]): void {
    const region = this.regions[self]
    if (region === undefined) return
    const nowMs = this.#step * STEP_MS
    const candidates = [...this.regions.keys()]
      .filter((peer) => peer !== self)
      .map((peer) => ({
        region: String(peer),
        up: this.#links[self]?.[peer] === true,
        allowed: true,
        cost: this.#costs[self]?.[peer] ?? 100,
        rttMs: 10,
        held: peer === ORIGIN ? undefined : position(before[peer]?.said ?? 0),
        repairing: false,
      }))
    const view = { origin: String(ORIGIN), candidates, position: position(region.held), nowMs }
    const { state, upstream } = chooseUpstream(region.route, view)
    const moved = upstream !== region.route.current
    if (moved) region.moves += 1
    region.route = state
    const from = upstream === undefined ? undefined : Number(upstream)
    // A pull that has just begun has heard nothing.
    region.stale = from === undefined || moved || (from !== ORIGIN && before[from]?.stale === true)
    if (from === undefined || moved) return
    region.held = Math.max(region.held, from === ORIGIN ? this.#head : (before[from]?.held ?? 0))
    if (!region.stale || from === ORIGIN || blockedUntil(state.troubles, String(from), nowMs) !== undefined) return
    const at = { nowMs, jitter: 0.5 }
    region.route = { ...state, troubles: withTrouble(state.troubles, String(from), 'stale', at) }
  }

  get head(): number {
    return this.#head
  }

  /** The fewest links from each region to the origin; undefined where there is no way. */
  distances(): (number | undefined)[] {
    const distances: (number | undefined)[] = this.regions.map((_, index) => (index === ORIGIN ? 0 : undefined))
    for (let hops = 1; hops < this.regions.length; hops += 1) {
      for (const self of this.regions.keys()) {
        const reaches = distances.some((other, peer) => other === hops - 1 && this.#links[self]?.[peer] === true)
        if (distances[self] === undefined && reaches) distances[self] = hops
      }
    }
    return distances
  }
}

/** 0 (included) to 1 (excluded). */
function fractions(seed: number): () => number {
  const random = new Random(seed)
  return () => random.below(1_000_000) / 1_000_000
}

function position(step: number): Position {
  return { sequence: step, stamp: BigInt(step) * BigInt(STEP_MS) * 1_000_000n }
}

function randomMesh(random: () => number, cost: () => number): Model {
  const count = 2 + Math.floor(random() * 6)
  const density = 0.2 + random() * 0.7
  const square = <T>(make: () => T) => Array.from({ length: count }, () => Array.from({ length: count }, make))
  return new Model(
    square(cost),
    square(() => random() < density),
  )
}

describe.each([
  ['all links cost the same', () => () => 100],
  ['links of any cost', (random: () => number) => () => Math.floor(random() * 1_000)],
])('a mesh where %s', (_, costOf) => {
  it('brings every region the events that it has a way to, and comes to rest', { timeout: 60_000 }, () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = fractions(seed)
      const mesh = randomMesh(random, costOf(random))
      mesh.run(300)
      const moves = mesh.regions.map((region) => region.moves)
      mesh.run(100)
      const late = mesh.distances().map((hops, index) => {
        if (hops === undefined) return 0
        return mesh.head - (index === ORIGIN ? mesh.head : (mesh.regions[index]?.held ?? 0))
      })
      expect({ seed, late: Math.max(...late) < 40 }).toEqual({ seed, late: true })
      const restless = mesh.regions.map((region, index) => region.moves - (moves[index] ?? 0))
      expect({ seed, restless: Math.max(...restless) <= 2 }).toEqual({ seed, restless: true })
    }
  })

  it('shares out what a dead origin left behind', { timeout: 60_000 }, () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = fractions(seed)
      const count = 3 + Math.floor(random() * 5)
      const square = <T>(make: () => T) => Array.from({ length: count }, () => Array.from({ length: count }, make))
      const links = square(() => random() < 0.5)
      const mesh = new Model(square(costOf(random)), links)
      mesh.run(50)
      // The origin dies, and all the others hear each other.
      for (const row of links) row.fill(true)
      for (const row of links) row[ORIGIN] = false
      const furthest = Math.max(...mesh.regions.slice(1).map(({ held }) => held))
      mesh.run(100, false)
      expect({ seed, held: mesh.regions.slice(1).map(({ held }) => held) }).toEqual({
        seed,
        held: mesh.regions.slice(1).map(() => furthest),
      })
    }
  })
})
