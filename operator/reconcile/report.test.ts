import { expect, test } from 'vitest'
import { statusOf } from '../k8s/index.ts'
import { type Outcome, statusAfter } from './report.ts'
import type { MeshResource, Plan, ResourceStatus, Verdict } from './types.ts'

const resource = (status?: ResourceStatus): MeshResource => ({
  apiVersion: 'landbridge.dev/v1alpha1',
  kind: 'Topic',
  metadata: {
    name: 'orders',
    namespace: 'acme',
    uid: 'u',
    resourceVersion: '1',
    generation: 3,
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  ...(status === undefined ? {} : { status }),
})
const plan = (verdict: Verdict, drift: readonly string[] = []): Plan => ({ steps: [], verdict, drift })
const outcome = (given: Partial<Outcome>): Outcome => ({
  plan: plan({ kind: 'in-place' }),
  stage: 'done',
  error: undefined,
  gateways: { following: 2, all: 2 },
  revision: undefined,
  degraded: undefined,
  extras: {},
  nowMs: Date.parse('2026-02-01T00:00:00Z'),
  ...given,
})

const CASES: readonly (readonly [what: string, given: Partial<Outcome>, wanted: Readonly<Record<string, string>>])[] = [
  ['in place', {}, { Ready: 'True', Synced: 'True', Drifted: 'False', Paused: 'False', Degraded: 'False' }],
  ['gateways follow', { gateways: { following: 1, all: 2 } }, { Ready: 'True', Synced: 'False' }],
  ['there is no gateway', { gateways: { following: 0, all: 0 } }, { Ready: 'True', Synced: 'Unknown' }],
  ['gateways are not heard yet', { gateways: undefined }, { Ready: 'True', Synced: 'Unknown' }],
  ['invalid', { plan: plan({ kind: 'invalid', message: 'no' }) }, { Ready: 'False', Synced: 'False', Stalled: 'True' }],
  ['claimed', { plan: plan({ kind: 'claimed', by: 'a/b', recorded: false }) }, { Ready: 'False', Stalled: 'True' }],
  ['paused', { plan: plan({ kind: 'paused' }) }, { Ready: 'False', Synced: 'Unknown', Paused: 'True' }],
  ['held', { plan: plan({ kind: 'held', waitsFor: ['x'] }) }, { Ready: 'False', Reconciling: 'True' }],
  ['refused by the server', { error: { message: 'no', refused: true } }, { Ready: 'False', Stalled: 'True' }],
  ['failed for now', { error: { message: 'no', refused: false } }, { Ready: 'False', Reconciling: 'True' }],
  ['degraded', { degraded: { reason: 'LinkDown', message: 'm' } }, { Ready: 'True', Degraded: 'True' }],
  [
    'drift that was found',
    { plan: plan({ kind: 'in-place' }, ['max_age']), stage: 'found' },
    { Ready: 'False', Drifted: 'True', Reconciling: 'True' },
  ],
  ['drift that was repaired', { plan: plan({ kind: 'in-place' }, ['max_age']) }, { Ready: 'True', Drifted: 'False' }],
]

test.each(CASES)('conditions: %s', (_what, given, wanted) => {
  const { conditions } = statusAfter(resource(), outcome(given))
  for (const [type, status] of Object.entries(wanted)) expect(statusOf(conditions, type), type).toBe(status)
  // kstatus: there only while true.
  for (const type of ['Reconciling', 'Stalled']) expect(statusOf(conditions, type)).toBe(wanted[type])
  for (const { reason } of conditions ?? []) expect(reason).toMatch(/^[A-Z][A-Za-z]+$/)
})

test('the same outcome again is the same status, whatever time it is', () => {
  const first = statusAfter(resource(), outcome({}))
  const second = statusAfter(resource(first), outcome({ nowMs: Date.parse('2026-03-01T00:00:00Z') }))
  expect(second).toEqual(first)
  const failed = statusAfter(
    resource(second),
    outcome({ error: { message: 'no', refused: false }, nowMs: Date.parse('2026-03-02T00:00:00Z') }),
  )
  const ready = failed.conditions?.find(({ type }) => type === 'Ready')
  expect(ready).toMatchObject({ status: 'False', lastTransitionTime: '2026-03-02T00:00:00Z', observedGeneration: 3 })
})

test('repairs are counted once they are done', () => {
  const drift = plan({ kind: 'in-place' }, ['max_age 1d -> 7d'])
  const found = statusAfter(resource(), outcome({ plan: drift, stage: 'found' }))
  expect(found.drift).toBeUndefined()
  const once = statusAfter(resource(found), outcome({ plan: drift }))
  expect(once.drift).toMatchObject({ repairs: 1, lastChanges: 'max_age 1d -> 7d' })
  expect(statusAfter(resource(once), outcome({ plan: drift })).drift?.repairs).toBe(2)
  expect(statusAfter(resource(once), outcome({})).drift).toEqual(once.drift)
})

test('what was known of the gateways stands until they are heard, and a gateway more is no news', () => {
  const first = statusAfter(resource(), outcome({ gateways: { following: 2, all: 2 } }))
  expect(first.gateways).toBe('2/2')
  expect(statusAfter(resource(first), outcome({ gateways: undefined }))).toEqual(first)
  expect(statusAfter(resource(first), outcome({ gateways: { following: 3, all: 3 } }))).toEqual(first)
  const behind = statusAfter(resource(first), outcome({ gateways: { following: 1, all: 3 } }))
  expect(behind.gateways).toBe('1/3')
  expect(statusAfter(resource(behind), outcome({ gateways: { following: 3, all: 3 } })).gateways).toBe('3/3')
  const put = { ...plan({ kind: 'in-place' }), steps: [{ kind: 'delete-config', key: 'x' } as const] }
  const changed = statusAfter(resource(first), outcome({ plan: put, gateways: undefined }))
  expect(statusOf(changed.conditions, 'Synced')).toBe('Unknown')
})
