import { expect, test } from 'vitest'
import { Journal } from './journal.ts'
import type { JournalLine, Phase } from './settings.ts'

function acknowledged(home: string, phase: Phase, dueMs: number, acknowledgedMs: number): string {
  const line: JournalLine = {
    kind: 'acknowledged',
    source: '/drill/client-1',
    id: String(dueMs),
    home,
    region: home,
    phase,
    dueMs,
    acknowledgedMs,
    attempts: 1,
  }
  return JSON.stringify(line)
}

test('lines of the script are counted, all others are not', () => {
  const journal = new Journal()
  expect(journal.add('{"kind":"start","startMs":5}')).toEqual({ kind: 'start', startMs: 5 })
  expect(journal.add('WARN something')).toBeUndefined()
  expect(journal.add('{"kind":"acknow')).toBeUndefined()
  journal.add(acknowledged('a', 'fault', 0, 7))
  const given = { source: 's', home: 'a', phase: 'fault', dueMs: 1 }
  for (const [id, reason] of [
    ['1', 'x'],
    ['2', 'y'],
    ['3', 'y'],
  ])
    journal.add(JSON.stringify({ kind: 'unacknowledged', id, reason, ...given }))
  expect(journal.acknowledged.length).toBe(1)
  expect(journal.reasons(1)).toEqual(['2x y'])
})

test('the longest wait is looked for in the phases asked for', () => {
  const journal = new Journal()
  journal.add(acknowledged('a', 'warm-up', 0, 900))
  journal.add(acknowledged('a', 'fault', 1_000, 1_300))
  journal.add(acknowledged('b', 'recovery', 2_000, 2_100))
  expect(journal.longestMs(['fault', 'recovery'])).toBe(300)
  expect(journal.longestMs(['recovery'])).toBe(100)
})

test('silence is the longest stretch of one home without an acknowledgement, in whatever order they were written', () => {
  const journal = new Journal()
  journal.add(acknowledged('a', 'fault', 1_000, 1_900))
  journal.add(acknowledged('a', 'fault', 1_100, 1_200))
  journal.add(acknowledged('a', 'baseline', 100, 200))
  journal.add(acknowledged('b', 'fault', 1_100, 9_000))
  expect(journal.longestSilenceMs('a', 1_000)).toBe(700)
})
