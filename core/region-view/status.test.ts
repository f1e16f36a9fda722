import { expect, test } from 'vitest'
import { type LagRow, mergeLag, UNKNOWN_LAG } from './status.ts'

const row = (parts: Partial<LagRow>): LagRow => ({
  topic: 'acme/orders',
  origin: 'us-east',
  ...UNKNOWN_LAG,
  ...parts,
})

test.each<[what: string, better: Partial<LagRow>, worse: Partial<LagRow>]>([
  ['known', { known: true }, { reportedMs: 9, upstream: 'us-east' }],
  ['with an upstream', { upstream: 'us-east' }, { reportedMs: 9 }],
  ['that heard last', { reportedMs: 9 }, { reportedMs: 8 }],
])('of several gateways the row counts that is %s', (_, better, worse) => {
  const wanted = row({ ...better, gateway: 'a', gaps: 3 })
  expect(mergeLag([row({ ...better, gateway: 'a' }), row({ ...worse, gaps: 3 })])).toEqual([wanted])
  expect(mergeLag([row({ ...worse, gaps: 3 }), row({ ...better, gateway: 'a' })])).toEqual([wanted])
})

test('rows come by topic, then origin', () => {
  const rows = [row({ topic: 'b/x' }), row({ topic: 'a/x', origin: 'z' }), row({ topic: 'a/x', origin: 'y' })]
  expect(mergeLag(rows).map(({ topic, origin }) => `${topic} ${origin}`)).toEqual(['a/x y', 'a/x z', 'b/x us-east'])
})
