import type { MeshError } from '@landbridge/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { pingRequest } from '../link/requests.ts'
import type { ServeContext } from './context.ts'
import { ServedStream } from './served-stream.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function startStream() {
  const unheard = { onChange: () => () => undefined }
  const context = { session: unheard, registry: unheard, now: Date.now, log: { info: () => undefined } }
  const call = { frames: 0, ended: undefined as MeshError | undefined, takes: true }
  const stream = new ServedStream(context as unknown as ServeContext, 'eu-west', {
    write: () => {
      call.frames += 1
      return call.takes
    },
    end: (thrown) => {
      call.ended = thrown
    },
  })
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
  return { call, stream, pass }
}

// Over a link that was dead in one direction only, ours, the peer heard our heartbeats and went on waiting, for a minute: what
// it granted and what it had applied never came, and publishers who wait for that region waited with it.
test('a peer of whom nothing comes for 3 s is gone, though it may hear us', async () => {
  const { call, stream, pass } = startStream()
  for (let second = 1; second <= 30; second++) {
    stream.take(pingRequest(BigInt(second)))
    await pass(1_000)
  }
  expect(call.ended).toBeUndefined()
  await pass(3_000)
  expect(call.ended).toMatchObject({ code: 'unavailable', message: 'replicate: nothing was heard for 2600 ms' })
  const { frames } = call
  await pass(10_000)
  expect(call.frames).toBe(frames)
})

test('a peer that never says a word is gone after 2 s, and none is missed after its stream was closed', async () => {
  const mute = startStream()
  await mute.pass(2_500)
  expect(mute.call.ended?.message).toBe('replicate: nothing was heard for 2000 ms')
  const closed = startStream()
  closed.stream.close()
  await closed.pass(10_000)
  expect(closed.call.ended).toBeUndefined()
})

test('pings into a line that does not move are not answered', async () => {
  const { call, stream } = startStream()
  stream.take(pingRequest(1n))
  expect(call.frames).toBe(2)
  call.takes = false
  stream.take(pingRequest(2n))
  stream.take(pingRequest(3n))
  expect(call.frames).toBe(3)
  call.takes = true
  stream.onDrain()
  stream.take(pingRequest(4n))
  expect(call.frames).toBe(4)
  stream.close()
})
