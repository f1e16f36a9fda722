import { expect, test } from 'vitest'
import { readCommand } from './options.ts'

test('defaults', () => {
  expect(readCommand(['link-cut'])).toMatchObject({
    kind: 'run',
    options: {
      drill: 'link-cut',
      perSecond: 150,
      seconds: { baseline: 10, fault: 12, recovery: 15 },
      allowanceMs: 0,
      durability: 'local',
      plantLoss: false,
      jsonFile: expect.stringContaining('load/results/drill-link-cut.json'),
    },
  })
})

test('flags', () => {
  const argv = [
    'region-loss',
    '--rate',
    '20',
    '--seconds',
    '2,3,4',
    '--allowance',
    '3',
    '--durability',
    'quorum',
    '--plant-loss',
    '--json',
    '/tmp/x.json',
  ]
  expect(readCommand(argv)).toEqual({
    kind: 'run',
    options: {
      drill: 'region-loss',
      perSecond: 20,
      seconds: { baseline: 2, fault: 3, recovery: 4 },
      allowanceMs: 3_000,
      durability: 'quorum',
      plantLoss: true,
      jsonFile: '/tmp/x.json',
    },
  })
  expect(readCommand(['--help'])).toEqual({ kind: 'help' })
})

test.each([
  [[], 'wanted one of region-loss'],
  [['earthquake'], 'wanted one of region-loss'],
  [['link-cut', 'region-loss'], 'wanted one of region-loss'],
  [['link-cut', '--rate', '0'], 'from 10 to 2000'],
  [['link-cut', '--seconds', '2,3'], 'wanted three numbers'],
  [['link-cut', '--seconds', '2,3,many'], 'from 2 to 600'],
  [['link-cut', '--allowance', '61'], 'from 0 to 60'],
  [['link-cut', '--durability', 'none'], 'wanted local or quorum'],
  [['link-cut', '--fast'], 'Unknown option'],
])('%j is refused', (argv, message) => {
  expect(() => readCommand(argv)).toThrow(message)
})
