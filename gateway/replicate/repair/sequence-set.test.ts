import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SequenceSet } from './sequence-set.ts'

test('has what was added, and nothing else', () => {
  const sequences = fc.array(fc.integer({ min: 1, max: 300_000 }), { maxLength: 200 })
  fc.assert(
    fc.property(sequences, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (added, other) => {
      const set = new SequenceSet()
      for (const sequence of added) set.add(sequence)
      for (const sequence of added) expect(set.has(sequence)).toBe(true)
      expect(set.has(other)).toBe(added.includes(other))
      for (const sequence of added) expect(set.has(sequence + 1)).toBe(added.includes(sequence + 1))
    }),
  )
})
