import { expect, test } from 'vitest'
import { readArguments } from './arguments.ts'

test('nothing given leaves the regions to the lab', () => {
  expect(readArguments([])).toEqual({ kind: 'start', options: { nodes: 1, gateways: 1 }, documents: undefined })
})

test('every option arrives', () => {
  const words = ['--regions', 'one, two', '--nodes', '3', '--gateways=2', '--state', '/tmp/x', '--documents', 'a.yaml']
  expect(readArguments(words)).toEqual({
    kind: 'start',
    options: { regions: ['one', 'two'], nodes: 3, gateways: 2, stateDir: '/tmp/x' },
    documents: 'a.yaml',
  })
})

test.each([
  [['--nodes', '2'], '--nodes: is "2", wanted 1 or 3'],
  [['--gateways', 'many'], '--gateways: is "many", wanted 0 to 9'],
  [['--region', 'x'], "Unknown option '--region'"],
  [['extra'], "Unexpected argument 'extra'"],
])('%j is refused with a reason', (words, problem) => {
  expect(readArguments(words)).toEqual({ kind: 'wrong', problem: expect.stringContaining(problem) })
})
