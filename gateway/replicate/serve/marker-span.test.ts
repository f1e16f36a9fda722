import { expect, test } from 'vitest'
import { togetherOf } from './marker-span.ts'

const from = (first: number, count: number, step = 1) =>
  Array.from({ length: count }, (_, index) => first + index * step)

test.each<readonly [what: string, sequences: readonly number[], together: number]>([
  ['nothing', [], 0],
  ['one', [7], 0],
  ['a few', from(1, 15), 0],
  ['neighbours', from(1, 16), 16],
  ['neighbours far behind the beginning', from(1_000_000, 100), 100],
  ['no more than 512', from(1, 1_000), 512],
  ['one of three origins', from(5, 300, 3), 300],
  ['one in eight', from(1, 20, 8), 20],
  ['one in nine, which is rather asked for', from(1, 100, 9), 0],
  ['neighbours, and then one that lies elsewhere', [...from(1, 30), 90_000, ...from(31, 5)], 30],
  ['neighbours, and then older ones', [...from(500, 30), ...from(1, 30)], 30],
  ['one that lies elsewhere first', [90_000, ...from(1, 30)], 0],
  ['the same twice', [...from(1, 20), 20], 20],
])('reads together %s', (_, sequences, together) => {
  expect(togetherOf(sequences)).toBe(together)
})
