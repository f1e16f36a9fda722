import { expect, test } from 'vitest'
import { LEASE_TIMES, type LeaseSpec, mayAct, nextLeaseStep } from './lease.ts'

const view = (spec: LeaseSpec, sinceMs = 1_000) => ({ spec, resourceVersion: '1', sinceMs })

test.each([
  ['there is none', undefined, 5_000, { kind: 'create' }],
  ['it is ours', view({ holderIdentity: 'me' }), 99_000, { kind: 'renew' }],
  ['it was given back', view({ holderIdentity: '' }), 1_000, { kind: 'take' }],
  ['another holds it', view({ holderIdentity: 'you' }), 2_000, { kind: 'wait', forMs: 2_000 }],
  ['it is nearly over', view({ holderIdentity: 'you' }), 10_500, { kind: 'wait', forMs: 500 }],
  ['it did not change for its whole time', view({ holderIdentity: 'you' }), 11_000, { kind: 'take' }],
  [
    'its own time counts',
    view({ holderIdentity: 'you', leaseDurationSeconds: 30 }),
    20_000,
    { kind: 'wait', forMs: 2_000 },
  ],
] as const)('%s', (_what, seen, nowMs, step) => {
  expect(nextLeaseStep('me', seen, nowMs, LEASE_TIMES)).toEqual(step)
})

test('a leader that could not renew stops before another may begin', () => {
  expect(mayAct(undefined, 0, LEASE_TIMES)).toBe(false)
  expect(mayAct(1_000, 6_999, LEASE_TIMES)).toBe(true)
  expect(mayAct(1_000, 7_000, LEASE_TIMES)).toBe(false)
  expect(LEASE_TIMES.giveUpMs).toBeLessThan(LEASE_TIMES.durationMs)
})
