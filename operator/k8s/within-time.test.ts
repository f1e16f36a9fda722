import { expect, test, vi } from 'vitest'
import { withinTime } from './within-time.ts'

const aborted = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason))
  })

test('work that takes too long is told to end', async () => {
  await expect(withinTime(5, undefined, aborted)).rejects.toThrow('no answer in 5 ms')
})

test("the caller's signal ends it, before and while it runs", async () => {
  await expect(withinTime(60_000, AbortSignal.abort(new Error('before')), aborted)).rejects.toThrow('before')
  const end = new AbortController()
  const running = withinTime(60_000, end.signal, aborted)
  end.abort(new Error('while'))
  await expect(running).rejects.toThrow('while')
})

test('nothing is left behind', async () => {
  vi.useFakeTimers()
  try {
    const end = new AbortController()
    const removed = vi.spyOn(end.signal, 'removeEventListener')
    expect(await withinTime(60_000, end.signal, async () => 'done')).toBe('done')
    expect(removed).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})
