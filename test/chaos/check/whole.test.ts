import { expect, it } from 'vitest'
import { History } from '../history/history.ts'
import { StreamLog } from '../history/stream-log.ts'
import { isWhole } from './whole.ts'

const regions = ['a', 'b']

function stream(region: number, numbers: readonly number[]): StreamLog {
  const log = new StreamLog(region, 't/t')
  for (const number of numbers) log.push({ publisher: 0, number, origin: 0, sequence: number, stamp: 0n })
  return log
}

it.each([
  ['all is everywhere', [1, 2, 3], [1, 2, 3], 9_000, true],
  ['one is in one region only', [1, 2, 3], [1, 3], 9_000, false],
  ['that one came later', [1, 2, 3], [1, 2], 2_500, true],
  ['one is nowhere, which the verdict tells', [1, 3], [1, 3], 9_000, true],
])('%s', (_, inA, inB, untilMs, expected) => {
  const topic = { name: 't/t', durability: 'quorum' as const, regions }
  const history = new History(regions, [topic], [{ source: 'p', topic: 't/t', home: 'a' }])
  for (let number = 1; number <= 3; number++) {
    history.publishers[0]?.begin(1, number * 1_000)
    history.publishers[0]?.acknowledged(number, { region: 0, holders: 3, degraded: false, atMs: number * 1_000 + 10 })
  }
  expect(isWhole(history, [stream(0, inA), stream(1, inB)], untilMs)).toBe(expected)
})
