import { fromBinary } from '@bufbuild/protobuf'
import { MeshError } from '@landbridge/core'
import type { StoreResult } from '@landbridge/nats'
import { PublishResponseSchema, PublishStreamResponseSchema } from '@landbridge/proto'
import { describe, expect, test } from 'vitest'
import { Metrics, silentLog } from '../telemetry/index.ts'
import { StoreBreaker } from './breaker.ts'
import { Budget } from './budget.ts'
import type { EventResult } from './event-store.ts'
import { encodeBatchAck, encodePublishResponse } from './response.ts'

const answering = { region: 'us-east', nowMs: 1_790_000_000_123 }
const regionTime = { seconds: 1_790_000_000n, nanos: 123_000_000 }
const stored = (sequence: number): EventResult => ({ kind: 'stored', sequence })
const failed = (error: MeshError): EventResult => ({ kind: 'failed', error })
const away = failed(new MeshError('unavailable', 'store: away', { ambiguous: true, retryAfterMs: 1500 }))

describe('answers', () => {
  test('a batch that was stored as a whole, written by hand, reads as it should', () => {
    for (const batchId of [0n, 300n, 2n ** 53n - 1n, 2n ** 64n - 1n]) {
      const ack = fromBinary(PublishStreamResponseSchema, encodeBatchAck(batchId, answering, [stored(7), stored(0)]))
      expect(ack).toMatchObject({
        batchId,
        region: 'us-east',
        lastSequence: 7n,
        duplicates: [],
        failures: [],
        regionTime,
      })
    }
  })

  test('duplicates and failures are named by index; internal text is hidden', () => {
    const secret = failed(new MeshError('internal', 'password is 1234'))
    const results = [stored(3), { kind: 'duplicate', sequence: 2 } as const, away, secret]
    const ack = fromBinary(PublishStreamResponseSchema, encodeBatchAck(1n, answering, results))
    expect(ack).toMatchObject({ lastSequence: 3n, duplicates: [1], regionTime })
    expect(ack.failures.map(({ index, error }) => [index, error?.code, error?.ambiguous])).toEqual([
      [2, 14, true],
      [3, 13, false],
    ])
    expect(ack.failures[0]?.error?.retryAfter).toMatchObject({ seconds: 1n, nanos: 500_000_000 })
    const response = fromBinary(PublishResponseSchema, encodePublishResponse(answering, results))
    expect(response).toMatchObject({ regionTime })
    expect(response.results.map(({ outcome }) => outcome.case)).toEqual(['receipt', 'receipt', 'error', 'error'])
    expect(
      JSON.stringify(response.results.map(({ outcome }) => outcome.case === 'error' && outcome.value.message)),
    ).not.toContain('1234')
  })
})

describe('budget', () => {
  const budgetOf = () => new Budget({ publishBytesMax: 100, publishEventsMax: 10 }, new Metrics())

  test('refuses beyond its bounds, but lets one large request go alone', async () => {
    const budget = budgetOf()
    expect(budget.tryTake(500, 1)).toBe(true)
    await expect(budget.takeSoon(26, 1)).rejects.toMatchObject({ code: 'resource_exhausted' })
    budget.giveBack(500, 1)
    expect(budget.tryTake(100, 1)).toBe(true)
    expect(budget.tryTake(0, 10)).toBe(false)
  })

  test('a call waits in line for a moment, and is refused when its turn does not come', async () => {
    const budget = budgetOf()
    expect(budget.tryTake(100, 1)).toBe(true)
    const served = budget.takeSoon(20, 1)
    budget.giveBack(20, 1)
    await served
    await expect(budget.takeSoon(20, 1)).rejects.toMatchObject({ code: 'resource_exhausted' })
    budget.giveBack(20, 1)
    expect(budget.tryTake(20, 1)).toBe(true)
  })

  // Small requests that kept coming took all that was given back, and a large one waited for as long as they came.
  test('lets nobody overtake who waits, and a waiter that leaves makes way for those behind it', async () => {
    const budget = budgetOf()
    expect(budget.tryTake(60, 1)).toBe(true)
    const leaving = new AbortController()
    const large = budget.takeWhenRoom(80, 1, leaving.signal)
    expect(budget.tryTake(30, 1)).toBe(false)
    const small = budget.takeWhenRoom(30, 1, new AbortController().signal)
    leaving.abort(new Error('it left'))
    await expect(large).rejects.toThrow('it left')
    await small
    expect(budget.tryTake(10, 1)).toBe(true)
    expect(budget.tryTake(1, 1)).toBe(false)
  })

  test('serves waiters in order, and forgets those that leave', async () => {
    const budget = budgetOf()
    expect(budget.tryTake(100, 1)).toBe(true)
    const order: string[] = []
    const leaving = new AbortController()
    const wait = (name: string, bytes: number, signal = new AbortController().signal) =>
      budget.takeWhenRoom(bytes, 1, signal).then(
        () => order.push(name),
        () => order.push(`${name} left`),
      )
    const waits = [wait('first', 60), wait('left', 60, leaving.signal), wait('second', 30)]
    leaving.abort()
    await waits[1]
    budget.giveBack(100, 1)
    await Promise.all(waits)
    expect(order).toEqual(['left left', 'first', 'second'])
    expect(budget.tryTake(20, 1)).toBe(false)
  })
})

describe('breaker', () => {
  const make = () =>
    new StoreBreaker(
      'acme/orders',
      { errorPercent: 50, attemptsMin: 3, openMs: 50 },
      { log: silentLog(), metrics: new Metrics() },
    )
  const answer =
    (...results: StoreResult[]) =>
    () =>
      Promise.resolve(results)
  const openUp = async (breaker: StoreBreaker) => {
    for (let index = 0; index < 3; index += 1) expect(await breaker.run(answer(away))).toEqual([away])
  }

  test('opens when the store does not answer, then refuses at once and says when to come back', async () => {
    const breaker = make()
    await openUp(breaker)
    expect(breaker.open).toBe(true)
    let called = false
    const refused = breaker.run(async () => {
      called = true
      return []
    })
    await expect(refused).rejects.toMatchObject({
      code: 'unavailable',
      ambiguous: false,
      retryAfterMs: expect.any(Number),
    })
    expect(called).toBe(false)
    breaker.close()
  })

  test('one that ends while it is open is no open breaker any more', async () => {
    const metrics = new Metrics()
    const options = { errorPercent: 50, attemptsMin: 3, openMs: 60_000 }
    const breaker = new StoreBreaker('acme/orders', options, { log: silentLog(), metrics })
    await openUp(breaker)
    const shown = async () => (await metrics.breakerOpen.get()).values[0]?.value
    expect(await shown()).toBe(1)
    breaker.close()
    breaker.close()
    expect(await shown()).toBe(0)
  })

  test('bad input, overload and partial answers do not open it', async () => {
    const breaker = make()
    const bad = failed(new MeshError('invalid_argument', 'event: bad'))
    const full = failed(new MeshError('resource_exhausted', 'store: full'))
    for (let index = 0; index < 10; index += 1) {
      await breaker.run(answer(bad))
      await breaker.run(answer(full))
      await breaker.run(answer(stored(1), away))
    }
    expect(breaker.open).toBe(false)
    breaker.close()
  })

  test('one probe closes it', async () => {
    const breaker = make()
    await openUp(breaker)
    await expect.poll(() => breaker.open).toBe(false)
    expect(await breaker.run(answer(stored(1)))).toEqual([stored(1)])
    expect(await breaker.run(answer(stored(2)))).toEqual([stored(2)])
    breaker.close()
  })
})
