import { expect, test } from 'vitest'
import { formatHolder, rivalOf } from './holder.ts'

const OWN = { name: 'acme/orders', creationTimestamp: '2026-01-01T00:00:00Z', uid: 'b' }

test.each([
  ['nobody said who', undefined, 'none'],
  ['it is its own', formatHolder(OWN), 'none'],
  ['it was made anew', 'acme/orders 2025-01-01T00:00:00Z x', 'none'],
  ['another was made before', 'other/orders 2025-12-31T23:59:59Z x', 'older'],
  ['another was made later', 'other/orders 2026-01-01T00:00:01Z a', 'newer'],
  ['another of the same age has the smaller uid', 'other/orders 2026-01-01T00:00:00Z a', 'older'],
  ['another of the same age has the larger uid', 'other/orders 2026-01-01T00:00:00Z c', 'newer'],
  ['it cannot be read', 'other/orders', 'none'],
] as const)('who holds an entry: %s', (_what, heldBy, rival) => {
  expect(rivalOf(OWN, heldBy)).toBe(rival)
})
