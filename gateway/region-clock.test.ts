import type { NatsSession, SessionChange } from '@landbridge/nats'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { RegionClock } from './region-clock.ts'
import { silentLog } from './telemetry/index.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const SERVER_MS = 1_790_000_000_000

/** A server that answers after `delayMs`, and a machine whose clock is `offsetMs` ahead of it. */
async function start(offsetMs: number) {
  const state = { offsetMs, delayMs: 0, failing: false, asked: 0, serverAheadMs: 0 }
  const begun = Date.now()
  const monotonic = () => Date.now() - begun + 5_000
  const server = () => SERVER_MS + monotonic() + state.serverAheadMs
  let listener: (change: SessionChange) => void = () => undefined
  const session = {
    connected: true,
    onChange: (each: (change: SessionChange) => void) => {
      listener = each
      return () => undefined
    },
  } as unknown as NatsSession
  const opening = RegionClock.open({
    session,
    log: silentLog(),
    monotonic,
    wall: () => SERVER_MS + monotonic() + state.offsetMs,
    ask: async () => {
      state.asked += 1
      await new Promise((resolve) => setTimeout(resolve, state.delayMs))
      if (state.failing) throw new Error('nobody there')
      const told = server()
      await new Promise((resolve) => setTimeout(resolve, state.delayMs))
      return told
    },
  })
  await vi.advanceTimersByTimeAsync(100)
  return { clock: await opening, state, server, reconnected: () => listener({ connected: true, epoch: 3 }) }
}

test.each([-30_000, 0, 30_000, 3_600_000])(
  'a machine whose clock is %i ms wrong knows the time of the region',
  async (offsetMs) => {
    const { clock, server } = await start(offsetMs)
    expect(Math.abs(clock.now() - server())).toBeLessThanOrEqual(clock.errorMs)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(Math.abs(clock.now() - server())).toBeLessThanOrEqual(clock.errorMs)
    expect(clock.ownAheadMs).toBeCloseTo(offsetMs, 0)
    expect(clock.inDoubt).toBe(false)
    clock.close()
  },
)

test('a machine whose clock is set is in doubt until NATS was asked, and its time does not jump', async () => {
  const { clock, state, server } = await start(0)
  state.offsetMs = 30_000
  expect(clock.inDoubt).toBe(true)
  expect(Math.abs(clock.now() - server())).toBeLessThan(1)
  await vi.advanceTimersByTimeAsync(10)
  expect(clock.inDoubt).toBe(false)
  expect(Math.abs(clock.now() - server())).toBeLessThan(1)
  clock.close()
})

test('a server whose clock was set is followed at the reconnect', async () => {
  const { clock, state, server, reconnected } = await start(0)
  state.serverAheadMs = -20_000
  reconnected()
  await vi.advanceTimersByTimeAsync(10)
  expect(Math.abs(clock.now() - server())).toBeLessThan(1)
  clock.close()
})

test('answers that take long, or do not come, change nothing', async () => {
  const { clock, state, server } = await start(0)
  state.delayMs = 800
  await vi.advanceTimersByTimeAsync(20_000)
  expect(Math.abs(clock.now() - server())).toBeLessThan(1)
  state.failing = true
  await vi.advanceTimersByTimeAsync(20_000)
  expect(Math.abs(clock.now() - server())).toBeLessThan(1)
  const { asked } = state
  clock.close()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(state.asked - asked).toBeLessThanOrEqual(1)
})
