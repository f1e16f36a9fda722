import fc from 'fast-check'
import { expect, it } from 'vitest'
import { setupOf } from '../setup.ts'
import { claimsOf, describeFault, type Fault, type Ground, isLinkClaim, varietyOf } from './fault.ts'
import { planFaults } from './plan.ts'

const ground: Ground = {
  regions: [
    { name: 'a', nodes: 3, gateways: 2, disks: [1] },
    { name: 'b', nodes: 1, gateways: 2, disks: [0] },
    { name: 'c', nodes: 1, gateways: 1, disks: [] },
  ],
  topics: ['t/t'],
  toxics: true,
  clocks: true,
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
  expect(new Set(seeds.flat().map(({ fault }) => fault.kind)).size).toBe(14)
  const inRecovery = seeds.flatMap((faults) =>
    faults.filter(({ atMs }, index) => {
      const before = faults[index - 1]
      return before !== undefined && atMs >= before.atMs + before.forMs && atMs <= before.atMs + before.forMs + 1_000
    }),
  )
  expect(inRecovery.length / seeds.flat().length).toBeGreaterThan(0.15)
})

it('hits once more what recovers: a process that starts, and a gateway whose region gets back what it forgot', () => {
  const faults = Array.from({ length: 20 }, (_, seed) => plan(seed))
    .flat()
    .map(({ fault }) => fault)
  const killed = faults.filter(({ kind }) => kind === 'kill' || kind === 'kill-again')
  const again = killed.flatMap((fault) => (fault.kind === 'kill-again' ? [fault.againAfterMs] : []))
  expect(again.length / killed.length).toBeGreaterThan(0.15)
  expect(Math.min(...again)).toBeGreaterThanOrEqual(200)
  expect(Math.max(...again)).toBeLessThanOrEqual(2_000)
  for (const kind of ['power-loss', 'recreate'] as const) {
    const wipes = faults.filter((fault) => fault.kind === kind)
    const interrupted = wipes.filter((fault) => varietyOf(fault) !== undefined)
    expect(interrupted.length / wipes.length, kind).toBeGreaterThan(0.25)
    expect(interrupted.length, kind).toBeLessThan(wipes.length)
  }
})

it('keeps the gateway that is killed during a recovery for itself', () => {
  const loss = { kind: 'power-loss', region: 'b', buckets: 'same', interruption: { gateway: 1, afterMs: 500 } } as const
  const onlyServers: Fault = { ...loss, gateways: false }
  expect(claimsOf(onlyServers, ground)).toEqual(['b/nats-0', 'b/gateway-1', 'wipe'])
  expect(claimsOf({ ...loss, gateways: true }, ground)).toEqual(['b/nats-0', 'b/gateway-0', 'b/gateway-1', 'wipe'])
  expect(describeFault(onlyServers)).toBe('power loss of b, buckets same, then kill gateway-1 after 500 ms')
  expect(varietyOf(onlyServers)).toBe('power-loss with a gateway killed in its recovery')
})

it('lets a link fail again while the mesh recovers from its last failure', () => {
  const again = Array.from({ length: 50 }, (_, seed) => plan(seed)).flatMap((faults) =>
    faults.filter(({ atMs, fault }) => {
      const links = claimsOf(fault, ground).filter(isLinkClaim)
      return faults.some((before) => {
        const sinceMs = atMs - (before.atMs + before.forMs)
        return sinceMs >= 0 && sinceMs < 3_000 && claimsOf(before.fault, ground).some((claim) => links.includes(claim))
      })
    }),
  )
  expect(again.length).toBeGreaterThan(20)
})

it('troubles links in every way in the short profile, and has no clock or cluster there', () => {
  const { ground: short, faultEveryMs } = setupOf('short', 600, false)
  const faults = Array.from({ length: 100 }, (_, seed) => seed).flatMap((seed) =>
    planFaults({ seed, durationMs: 25_000, everyMs: faultEveryMs, ground: short }).map(({ fault }) => fault),
  )
  const links = new Set(faults.map(varietyOf).filter((variety) => variety?.startsWith('links')))
  const ways = ['refused', 'blackhole', 'stalled', 'delay', 'loss', 'slow', 'half-open']
  expect([...links].toSorted()).toEqual(ways.map((way) => `links ${way}`).toSorted())
  const kinds = new Set<string>(faults.map(({ kind }) => kind))
  expect(['clock', 'leader', 'truncate', 'disk-full'].filter((kind) => kinds.has(kind))).toEqual([])
})
