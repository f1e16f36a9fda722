import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { sinkOf } from './process-context.ts'

/** A pipe whose reader goes away in the middle of the first write. */
function brokenPipe(): Writable {
  return new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, callback) => callback(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  })
}

// `landbridge --help | true` died with a stack: the wait for "drain" was aborted and nobody had awaited it.
test('a reader that went away ends the wait, stops the command, and is no error', async () => {
  const stop = new AbortController()
  const sink = sinkOf(brokenPipe(), stop.signal, () => stop.abort('pipe closed'))
  await sink.write('a long text')
  expect(stop.signal.reason).toBe('pipe closed')
  await sink.write('more')
})

test('a stop ends the wait for a reader that is slow', async () => {
  const stop = new AbortController()
  const slow = new Writable({ highWaterMark: 1, write: () => {} })
  const sink = sinkOf(slow, stop.signal, () => {})
  const written = sink.write('text')
  stop.abort('interrupted')
  await written
})

test('writes wait until the reader is ready for more', async () => {
  const ready: (() => void)[] = []
  const slow = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, callback) => void ready.push(callback) })
  let done = false
  const written = sinkOf(slow, new AbortController().signal, () => {})
    .write('text')
    .then(() => {
      done = true
    })
  await Promise.resolve()
  expect(done).toBe(false)
  ready[0]?.()
  await written
})
