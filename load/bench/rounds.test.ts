import { expect, test } from 'vitest'

import { interleave } from './rounds.ts'

test('everyone in turns; the first round is not counted', async () => {
  const said: string[] = []
  let runs = 0
  const turns = ['a', 'b'].map((name) => ({ name, run: async () => ++runs }))
  const outcomes = await interleave(turns, 2, (name, round) => said.push(`${name}${round}`))
  expect(said).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2'])
  expect([...outcomes]).toEqual([
    ['a', [3, 5]],
    ['b', [4, 6]],
  ])
})
