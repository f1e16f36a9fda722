import { expect, test } from 'vitest'
import { readOptions } from './options.ts'

test('defaults measure no size twice', () => {
  expect(readOptions([]).points).toEqual([
    { regions: 3, topics: 1 },
    { regions: 3, topics: 10 },
    { regions: 3, topics: 100 },
    { regions: 3, topics: 1_000 },
    { regions: 5, topics: 10 },
    { regions: 7, topics: 10 },
  ])
})

test('flags', () => {
  const files = ['--json', '/tmp/x', '--doc', '/tmp/y']
  const options = readOptions(['--topics', '2', '--regions', '', '--events', '200', ...files])
  const points = [{ regions: 3, topics: 2 }]
  expect(options).toEqual({ points, events: 200, jsonFile: '/tmp/x', docFile: '/tmp/y', help: false })
})

test.each([
  [['--topics', '0'], 'from 1 to 2000'],
  [['--regions', '3,x'], 'from 2 to 9'],
  [['--events', '1'], 'from 100 to 100000'],
  [['--fast'], 'Unknown option'],
])('%j is refused', (argv, message) => {
  expect(() => readOptions(argv)).toThrow(message)
})
