import { expect, test } from 'vitest'
import { StartGate } from './start-gate.ts'

const never = new AbortController().signal

test('lets so many run at a time, the others in the order of coming', async () => {
  const gate = new StartGate(2)
  const begun: number[] = []
  const ends = Array.from({ length: 4 }, () => Promise.withResolvers<void>())
  const passing = ends.map(({ promise }, index) =>
    gate.pass(async () => {
      begun.push(index)
      await promise
      return index
    }, never),
  )
  await Promise.resolve()
  expect(begun).toEqual([0, 1])
  ends[1]?.resolve()
  await passing[1]
  await expect.poll(() => begun).toEqual([0, 1, 2])
  for (const { resolve } of ends) resolve()
  expect(await Promise.all(passing)).toEqual([0, 1, 2, 3])
})

// The story: a gateway was stopped while NATS was away. The runs that waited for their turn waited for those that read,
// and those for NATS: it never ended.
test('who is told to stop waits no longer, and takes nobody its turn', async () => {
  const gate = new StartGate(1)
  const first = Promise.withResolvers<void>()
  const running = gate.pass(() => first.promise, never)
  const stop = new AbortController()
  const given = gate.pass(async () => 'given', stop.signal)
  const next = gate.pass(async () => 'next', never)
  stop.abort(new Error('stopped'))
  await expect(given).rejects.toThrow('stopped')
  await expect(gate.pass(async () => 'late', stop.signal)).rejects.toThrow('stopped')
  first.resolve()
  await running
  expect(await next).toBe('next')
  expect(await gate.pass(async () => 'after', never)).toBe('after')
})
