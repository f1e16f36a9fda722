import { expect, it } from 'vitest'
import { readArguments } from './options.ts'

it('has a default for everything', () => {
  expect(readArguments([])).toMatchObject({ kind: 'run', seed: undefined, minutes: 5, runs: 1, profile: 'full' })
})

it('takes seeds, times and kinds of faults', () => {
  const words = ['--seed', '7', '--minutes', '0.5', '--faults', 'kill,power-loss']
  expect(readArguments(words)).toMatchObject({ seed: 7, minutes: 0.5, only: ['kill', 'power-loss'] })
})

it.each([
  [['--seed', 'x'], '--seed: is "x", wanted a number'],
  [['--minutes', '0'], '--minutes: is "0", wanted a number from 0.1'],
  [['--profile', 'big'], '--profile: is "big", wanted full or short'],
  [['--faults', 'flood'], '--faults: has "flood", wanted some of kill'],
  [['--what'], "Unknown option '--what'"],
])('refuses %j', (words, problem) => {
  const command = readArguments(words)
  expect(command.kind === 'wrong' && command.problem).toContain(problem)
})
