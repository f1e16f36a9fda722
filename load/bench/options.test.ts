import { expect, test } from 'vitest'

import { parseOptions, SCENARIO_NAMES } from './options.ts'

test('defaults', () => {
  const options = parseOptions([])
  expect([...options.only]).toEqual([...SCENARIO_NAMES])
  expect(options).toMatchObject({ rounds: 5, quick: false, help: false })
})

test('flags', () => {
  const options = parseOptions(['--only', 'unary', '--only', 'subscribe', '--rounds', '3'])
  expect([...options.only]).toEqual(['unary', 'subscribe'])
  expect(options.rounds).toBe(3)
  expect(parseOptions(['--quick']).rounds).toBe(1)
})

test.each([
  [['--only', 'nothing'], 'wanted one of publish-stream'],
  [['--rounds', '0'], 'from 1 to 50'],
  [['--rounds', 'many'], 'from 1 to 50'],
  [['--fast'], 'Unknown option'],
])('%j is refused', (argv, message) => {
  expect(() => parseOptions(argv)).toThrow(message)
})
