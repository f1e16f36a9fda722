import { silentLog } from '@landbridge/service'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { KubeError } from './kube-error.ts'
import { type Lane, WorkQueue } from './work-queue.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A queue whose work the test ends by hand. */
function queue(options: { workers?: Record<Lane, number>; laneOf?: (key: string) => Lane; keysMax?: number } = {}) {
  const running: { key: string; end: PromiseWithResolvers<{ againAfterMs?: number }> }[] = []
  const started: string[] = []
  const made = new WorkQueue({
    work: (key) => {
      const end = Promise.withResolvers<{ againAfterMs?: number }>()
      started.push(key)
      running.push({ key, end })
      return end.promise
    },
    laneOf: options.laneOf ?? (() => 'change'),
    workers: options.workers ?? { change: 2, deletion: 1 },
    log: silentLog(),
    random: () => 1,
    ...(options.keysMax === undefined ? {} : { keysMax: options.keysMax }),
  })
  const take = (key: string) => {
    const index = running.findIndex((item) => item.key === key)
    const [item] = running.splice(index, 1)
    if (item === undefined) throw new Error(`${key} is not being worked on`)
    return item.end
  }
  const settle = () => vi.advanceTimersByTimeAsync(0)
  return { queue: made, started, take, settle }
}

test('a key is worked on once at a time, and once more when it is added meanwhile', async () => {
  const { queue: made, started, take, settle } = queue()
  made.add('a')
  made.add('a')
  await settle()
  made.add('a')
  made.add('a')
  await settle()
  expect(started).toEqual(['a'])
  take('a').resolve({})
  await settle()
  expect(started).toEqual(['a', 'a'])
  take('a').resolve({})
  await settle()
  expect(started).toEqual(['a', 'a'])
  await made.close()
})

test('deletions do not wait for changes, nor changes for deletions', async () => {
  const laneOf = (key: string): Lane => (key.startsWith('gone') ? 'deletion' : 'change')
  const { queue: made, started, take, settle } = queue({ laneOf })
  for (const key of ['a', 'b', 'c', 'gone-1', 'gone-2']) made.add(key)
  await settle()
  expect([...started].sort()).toEqual(['a', 'b', 'gone-1'])
  take('gone-1').resolve({})
  await settle()
  expect(started).toContain('gone-2')
  expect(started).not.toContain('c')
  for (const key of ['a', 'b', 'gone-2']) take(key).resolve({})
  await settle()
  take('c').resolve({})
  await made.close()
})

test('a failure is tried again, later and later, and a change comes first', async () => {
  const { queue: made, started, take, settle } = queue()
  made.add('a')
  await settle()
  for (const waitMs of [200, 400, 800]) {
    take('a').reject(new Error('no'))
    await settle()
    const before = started.length
    await vi.advanceTimersByTimeAsync(waitMs - 1)
    expect(started.length).toBe(before)
    await vi.advanceTimersByTimeAsync(1)
    expect(started.length).toBe(before + 1)
  }
  take('a').reject(new Error('no'))
  await settle()
  made.add('a')
  await settle()
  expect(started.length).toBe(5)
  take('a').resolve({ againAfterMs: 50 })
  await vi.advanceTimersByTimeAsync(50)
  expect(started.length).toBe(6)
  expect(made.figures.failing).toBe(0)
  take('a').resolve({})
  await made.close()
})

test.each([
  ['as long as the API server asks', 3_000, 3_000],
  ['its own time when that is longer', 50, 200],
  ['no longer than the longest backoff', 3_600_000, 60_000],
])('a key that is throttled waits %s', async (_what, retryAfterMs, waitMs) => {
  const { queue: made, started, take, settle } = queue()
  made.add('a')
  await settle()
  take('a').reject(new KubeError('patch topics: too many requests', { status: 429, retryAfterMs }))
  await settle()
  await vi.advanceTimersByTimeAsync(waitMs - 1)
  expect(started.length).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(started.length).toBe(2)
  take('a').resolve({})
  await made.close()
})

test('a full queue refuses keys and goes on', async () => {
  const { queue: made, started, take, settle } = queue({ workers: { change: 1, deletion: 1 }, keysMax: 2 })
  for (const key of ['a', 'b', 'c', 'd']) made.add(key)
  await settle()
  for (const key of ['a', 'b', 'c']) {
    take(key).resolve({})
    await settle()
  }
  expect(started).toEqual(['a', 'b', 'c'])
  await made.close()
})
