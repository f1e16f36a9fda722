import { expect, test } from 'vitest'
import { RegionEntries } from './region-entries.ts'

test('what was written here counts at once, and older news do not undo it', () => {
  const entries = new RegionEntries()
  entries.take('topic.a.x', 'old', 3)
  expect(entries.get('topic.a.x')).toBeUndefined()
  expect(entries.caughtUp()).toEqual(['topic.a.x'])
  entries.learn('topic.a.x', { value: 'new', revision: 5 })
  expect(entries.take('topic.a.x', 'old', 4)).toBe(false)
  expect(entries.get('topic.a.x')).toEqual({ value: 'new', revision: 5 })
  expect(entries.take('topic.a.x', 'new', 5)).toBe(false)
  expect(entries.take('topic.a.x', 'edited', 6)).toBe(true)
  expect(entries.take('topic.a.x', undefined, 7)).toBe(true)
  expect(entries.get('topic.a.x')).toBeUndefined()
})

test('a bucket that was made anew is told from the beginning, whatever its revisions', () => {
  const entries = new RegionEntries()
  entries.take('topic.a.x', 'x', 30)
  entries.take('topic.a.y', 'y', 31)
  entries.caughtUp()
  entries.restart()
  expect(entries.take('topic.a.x', 'x', 1)).toBe(false)
  expect(entries.get('topic.a.y')).toBeDefined()
  expect(entries.caughtUp()).toEqual(['topic.a.y'])
  expect(entries.get('topic.a.x')).toEqual({ value: 'x', revision: 1 })
  expect([...entries.under('topic.')]).toHaveLength(1)
})
