import fc from 'fast-check'
import { expect, it } from 'vitest'
import { claimsOf, type Ground } from './fault.ts'
import { planFaults } from './plan.ts'

const ground: Ground = {
  regions: [
    { name: 'a', nodes: 3, gateways: 2, disks: [1] },
    { name: 'b', nodes: 1, gateways: 2, disks: [0] },
    { name: 'c', nodes: 1, gateways: 1, disks: [] },
  ],
  topics: ['t/t'],
  prepared: true,
}
const plan = (seed: number, minutes = 5) => planFaults({ seed, durationMs: minutes * 60_000, everyMs: 7_000, ground })

it('gives the same plan for the same seed, and another for another', () => {
  expect(plan(1)).toEqual(plan(1))
  expect(plan(1)).not.toEqual(plan(2))
})

it('keeps its promises for every seed', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const faults = plan(seed)
      expect(faults.length).toBeGreaterThan(20)
      expect(faults.length).toBeLessThan(100)
      for (const [index, one] of faults.entries()) {
        expect(one.atMs + one.forMs).toBeLessThanOrEqual(300_000)
        const claims = claimsOf(one.fault, ground)
        for (const other of faults.slice(0, index)) {
          if (other.atMs + other.forMs <= one.atMs) continue
          expect(claimsOf(other.fault, ground).filter((claim) => claims.includes(claim))).toEqual([])
        }
      }
    }),
    { numRuns: 50 },
  )
})

it('restarts every process once in a longer run', () => {
  for (let seed = 0; seed < 20; seed++) {
    expect(plan(seed).filter(({ fault }) => fault.kind === 'rolling-restart').length).toBeGreaterThanOrEqual(1)
  }
})

it('draws every kind, and faults during the recovery of others', () => {
  const seeds = Array.from({ length: 20 }, (_, seed) => plan(seed))
  expect(new Set(seeds.flat().map(({ fault }) => fault.kind)).size).toBe(13)
  const inRecovery = seeds.flatMap((faults) =>
    faults.filter(({ atMs }, index) => {
      const before = faults[index - 1]
      return before !== undefined && atMs >= before.atMs + before.forMs && atMs <= before.atMs + before.forMs + 1_000
    }),
  )
  expect(inRecovery.length / seeds.flat().length).toBeGreaterThan(0.15)
})
