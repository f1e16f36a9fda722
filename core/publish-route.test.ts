import { describe, expect, test } from 'vitest'
import { AWAY_PATIENCE_MS, type ForwardPeer, forwardOrder, publishRoute, STORE_PATIENCE_MS } from './publish-route.ts'

const peer = (region: string, more: Partial<ForwardPeer> = {}): ForwardPeer => ({
  region,
  usable: true,
  cost: 100,
  rttMs: undefined,
  ...more,
})

describe('which region is asked first', () => {
  test.each([
    ['nobody', [], []],
    ['one that cannot be used', [peer('eu', { usable: false })], []],
    ['the cheapest', [peer('eu'), peer('ap', { cost: 10, rttMs: 300 })], ['ap', 'eu']],
    ['of those the nearest', [peer('eu', { rttMs: 80 }), peer('ap', { rttMs: 20 }), peer('sa')], ['ap', 'eu', 'sa']],
    ['at most three', ['a', 'd', 'c', 'b'].map((name) => peer(name)), ['a', 'b', 'c']],
  ])('%s', (_, peers, regions) => {
    expect(forwardOrder(peers)).toEqual(regions)
  })
})

describe('where events go', () => {
  const fine = { awaySinceMs: undefined, silentSinceMs: undefined, breakerOpen: false }
  const time = { begunAtMs: 1_000, deadlineAtMs: 11_000 }
  const short = { begunAtMs: 1_000, deadlineAtMs: 2_000 }
  const never = Number.POSITIVE_INFINITY
  const forward = { kind: 'forward', regions: ['eu'] }

  test.each([
    ['the store works', time, fine, 1_000, { kind: 'store', patienceAtMs: 1_000 + STORE_PATIENCE_MS }],
    ['the store is silent', time, fine, 1_000 + STORE_PATIENCE_MS, forward],
    ['half of a short time is over', short, fine, 1_500, forward],
    ['it is not', short, fine, 1_499, { kind: 'store', patienceAtMs: 1_500 }],
    ['the breaker is open', time, { ...fine, breakerOpen: true }, 1_000, forward],
    ['just away', time, { ...fine, awaySinceMs: 990 }, 1_000, { kind: 'store', patienceAtMs: 990 + AWAY_PATIENCE_MS }],
    [
      'silent to others for a moment',
      time,
      { ...fine, silentSinceMs: 500 },
      1_000,
      { kind: 'store', patienceAtMs: 500 + STORE_PATIENCE_MS },
    ],
    ['silent to others for long', time, { ...fine, silentSinceMs: 1_000 - STORE_PATIENCE_MS }, 1_000, forward],
    ['away for longer', time, { ...fine, awaySinceMs: 500 }, 1_000, forward],
  ])('%s', (_, when, store, nowMs, route) => {
    expect(publishRoute(when, store, [peer('eu')], nowMs)).toEqual(route)
    const alone = publishRoute(when, store, [peer('eu', { usable: false })], nowMs)
    expect(alone).toEqual(route.kind === 'store' ? route : { kind: 'store', patienceAtMs: never })
  })
})
