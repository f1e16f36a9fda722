import { PassThrough } from 'node:stream'
import type { Client } from '@grpc/grpc-js'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { encodeHeartbeat } from '../serve/responses.ts'
import { LinkStream } from './link-stream.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A link over a call that the test feeds. */
function startLink() {
  const call = Object.assign(new PassThrough({ objectMode: true }), { cancel: () => undefined, write: () => true })
  const client = { makeBidiStreamRequest: () => call, close: () => undefined } as unknown as Client
  const link = { received: 0, ended: undefined as string | undefined }
  const stream = new LinkStream({
    channel: { client, receivedBytes: () => link.received },
    token: '',
    now: Date.now,
    onUp: () => undefined,
    onEnd: (reason) => {
      link.ended = reason
    },
  })
  /** A whole message comes. */
  const hear = () => {
    link.received += 20
    call.emit('data', encodeHeartbeat(Date.now()))
  }
  /** Time goes by, and at each 100 ms of it so many bytes come. */
  const pass = async (ms: number, bytes: number) => {
    for (let gone = 0; gone < ms && link.ended === undefined; gone += 100) {
      link.received += bytes
      await vi.advanceTimersByTimeAsync(100)
    }
  }
  return { link, stream, hear, pass }
}

// An event of 7.5 MiB took 4 s over 2 MB/s. The link counted whole messages, took itself for dead in the middle of it,
// began anew, and so for ever: neither that event nor any behind it was replicated.
test('a message that is on its way for long is no silence', async () => {
  const { link, stream, hear, pass } = startLink()
  hear()
  await pass(60_000, 10_000)
  expect(link.ended).toBeUndefined()
  stream.end('the test is over')
})

test('a black hole is noticed within 3 s, idle or in the middle of a message', async () => {
  for (const busyMs of [0, 10_000]) {
    const { link, hear, pass } = startLink()
    hear()
    await pass(busyMs, 1_000)
    expect(link.ended).toBeUndefined()
    await pass(3_000, 0)
    expect(link.ended).toMatch(/nothing was heard/)
  }
})

test('bytes that never become a message do not keep a link, nor do those of a handshake', async () => {
  const trickling = startLink()
  trickling.hear()
  await trickling.pass(301_000, 1)
  expect(trickling.link.ended).toMatch(/no whole message/)
  const handshake = startLink()
  await handshake.pass(2_500, 100)
  expect(handshake.link.ended).toMatch(/nothing was heard/)
})
