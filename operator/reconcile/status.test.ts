import { expect, test } from 'vitest'
import { transitionOf } from './status.ts'
import type { ResourceStatus } from './types.ts'

type Short = Readonly<Record<string, readonly [status: 'True' | 'False' | 'Unknown', reason: string, message?: string]>>

function statusWith(conditions: Short, repairs = 0): ResourceStatus {
  const lastTransitionTime = '2026-01-01T00:00:00Z'
  return {
    conditions: Object.entries(conditions).map(([type, [status, reason, message = '']]) => ({
      ...{ type, status, reason, message, lastTransitionTime, observedGeneration: 1 },
    })),
    ...(repairs === 0 ? {} : { drift: { repairs, lastChanges: 'max_age 1d -> 7d' } }),
  }
}

const READY: Short = { Ready: ['True', 'InPlace'], Degraded: ['False', 'AsExpected'] }
const DOWN: Short = { ...READY, Degraded: ['True', 'LinkDown', 'nothing comes from us-east'] }
const STUCK: Short = { ...READY, Degraded: ['True', 'PullsStuck', 'orders stands still'] }
const FAILED: Short = { ...READY, Ready: ['False', 'Failed', 'no answer'], Reconciling: ['True', 'Failed'] }
const INVALID: Short = { ...READY, Ready: ['False', 'Invalid', 'no'], Stalled: ['True', 'Invalid'] }

const CASES: readonly (readonly [
  what: string,
  before: Short | undefined,
  after: Short,
  told: readonly (readonly [type: 'Normal' | 'Warning', reason: string, note: string])[],
])[] = [
  ['it becomes ready', undefined, READY, [['Normal', 'Ready', 'the region does as declared']]],
  ['nothing becomes another', READY, READY, []],
  ['it fails for now', READY, FAILED, [['Normal', 'Failed', 'no answer']]],
  ['somebody must act', READY, INVALID, [['Warning', 'Invalid', 'no']]],
  ['a link goes down', READY, DOWN, [['Warning', 'LinkDown', 'nothing comes from us-east']]],
  ['a link stays down', DOWN, DOWN, []],
  ['it is degraded for another reason', DOWN, STUCK, [['Warning', 'PullsStuck', 'orders stands still']]],
  ['nobody looks at a link that was down', DOWN, INVALID, [['Warning', 'Invalid', 'no']]],
  ['a link is up again', DOWN, READY, [['Normal', 'Recovered', 'is over: nothing comes from us-east']]],
  [
    'it is ready and degraded at once',
    undefined,
    DOWN,
    [
      ['Normal', 'Ready', 'the region does as declared'],
      ['Warning', 'LinkDown', 'nothing comes from us-east'],
    ],
  ],
]

test.each(CASES)('Events when %s', (_what, before, after, told) => {
  const events = transitionOf(before === undefined ? undefined : statusWith(before), statusWith(after))
  expect(events.map(({ type, reason, note }) => [type, reason, note])).toEqual(told)
})

test('a repair is told each time, in place of what Ready says', () => {
  const drifted: Short = { ...READY, Ready: ['False', 'Drifted', 'm'], Reconciling: ['True', 'Drifted'] }
  const told = transitionOf(statusWith(drifted, 1), statusWith(READY, 2))
  expect(told).toEqual([
    expect.objectContaining({
      ...{ type: 'Warning', reason: 'DriftRepaired', note: 'repaired what others changed: max_age 1d -> 7d' },
    }),
  ])
})
