import { type ForwardPeer, MeshError, type Principal, type StoreState } from '@landbridge/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { TopicEntry } from '../topics.ts'
import type { EventResult, EventStore } from './event-store.ts'
import { type Handover, type Publication, Publisher } from './publisher.ts'
import type { QuorumStep } from './quorum/quorum-step.ts'

beforeEach(() => void vi.useFakeTimers({ now: 0 }))
afterEach(() => void vi.useRealTimers())

const stored = (sequence: number): EventResult => ({ kind: 'stored', sequence })
const there = (sequence: number): EventResult => ({
  kind: 'stored',
  sequence,
  placement: { region: 'eu', regions: ['eu'], degraded: false },
})
const failed = (code: MeshError['code'], ambiguous = false): EventResult => ({
  kind: 'failed',
  error: new MeshError(code, `store: ${code}`, { ambiguous }),
})
const FINE: StoreState = { awaySinceMs: undefined, silentSinceMs: undefined, breakerOpen: false }
const EU: ForwardPeer = { region: 'eu', usable: true, cost: 100, rttMs: 1 }

type Answer = { readonly afterMs?: number; readonly results?: readonly EventResult[]; readonly error?: MeshError }

/** A publisher whose store and whose other region answer as told, and what was handed on. */
function make(own: Answer, other: Answer = {}, options: { state?: StoreState; peers?: readonly ForwardPeer[] } = {}) {
  const handed: Handover[] = []
  let asked = 0
  const answer = async ({ afterMs = 0, results = [], error }: Answer) => {
    if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs))
    if (error !== undefined) throw error
    return results
  }
  const store = {
    refusalOf: () => undefined,
    state: () => options.state ?? FINE,
    store: () => {
      asked += 1
      return answer(own)
    },
  } as unknown as EventStore
  const quorum = { refusal: () => undefined, begin: () => 1, confirm: async (_: unknown, results: unknown) => results }
  const publisher = new Publisher({
    region: 'us',
    store,
    quorum: quorum as unknown as QuorumStep,
    now: () => 1_000_000 + performance.now(),
    forwarding: {
      peers: () => options.peers ?? [EU],
      forward: (handover) => {
        handed.push(handover)
        return answer(other)
      },
    },
  })
  const publish = (more: Partial<Publication> = {}) => {
    const publication: Publication = {
      topic: { key: 'a/x', document: { spec: { failover: 'forward' } } } as unknown as TopicEntry,
      events: [Buffer.of(0), Buffer.of(1)],
      principal: { subject: 'alice' } as Principal,
      retry: undefined,
      sentMs: undefined,
      deadlineAtMs: performance.now() + 10_000,
      mayForward: true,
      together: false,
      ...more,
    }
    const outcome: { results?: readonly EventResult[]; error?: unknown; afterMs?: number } = {}
    const begunAt = performance.now()
    void publisher
      .publish(publication)
      .then(
        (results) => Object.assign(outcome, { results }),
        (error: unknown) => Object.assign(outcome, { error }),
      )
      .finally(() => Object.assign(outcome, { afterMs: performance.now() - begunAt }))
    return outcome
  }
  return { publish, handed, asked: () => asked }
}

async function settle(ms = 20_000): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
}

describe('where events go', () => {
  test('into the own store, when it takes them', async () => {
    const { publish, handed } = make({ results: [stored(1), stored(2)] })
    const outcome = publish()
    await settle()
    expect(outcome).toMatchObject({ results: [stored(1), stored(2)], afterMs: 0 })
    expect(handed).toEqual([])
  })

  test.each([
    ['its breaker is open', { ...FINE, breakerOpen: true }],
    ['it is away', { ...FINE, awaySinceMs: -1_000 }],
    ['it is silent', { ...FINE, silentSinceMs: -2_000 }],
  ])('to another region at once when %s', async (_, state) => {
    const { publish, handed, asked } = make({}, { results: [there(7), there(8)] }, { state })
    const outcome = publish({ retry: { ageMs: 500, region: 'ap', elsewhere: true }, sentMs: 1_000_000 - 40 })
    await settle()
    expect(outcome.results).toEqual([there(7), there(8)])
    expect(handed).toMatchObject([{ ageMs: 540, firstRegion: 'ap' }])
    expect(asked()).toBe(0)
  })

  test('what the own store failed for now, and nothing else', async () => {
    const own = { results: [failed('unavailable', true), failed('invalid_argument')] }
    const { publish, handed } = make(own, { results: [there(7)] })
    const outcome = publish()
    await settle()
    expect(outcome.results).toEqual([there(7), own.results[1]])
    expect(handed[0]).toMatchObject({ events: [Buffer.of(0)], ageMs: 0, firstRegion: 'us' })
  })

  test.each([
    ['overload', { results: [failed('resource_exhausted'), failed('resource_exhausted')] }, {}],
    ['bad events', { results: [failed('invalid_argument'), failed('invalid_argument')] }, {}],
    ['events that were forwarded', { results: [failed('unavailable'), failed('unavailable')] }, { mayForward: false }],
    ['a batch of which a part is stored', { results: [stored(1), failed('unavailable')] }, { together: true }],
  ])('%s stay', async (_, own, more) => {
    const { publish, handed } = make(own, { results: [there(7), there(8)] })
    const outcome = publish(more)
    await settle()
    expect(outcome.results).toEqual(own.results)
    expect(handed).toEqual([])
  })
})

describe('a silent store', () => {
  test('is not waited for: another region answers', async () => {
    const { publish, handed } = make(
      { afterMs: 5_000, results: [stored(1), stored(2)] },
      { results: [there(7), there(8)] },
    )
    const outcome = publish()
    await settle()
    expect(outcome.results).toEqual([there(7), there(8)])
    expect(outcome.afterMs).toBeCloseTo(1_500, -1)
    expect(handed[0]?.ageMs).toBeCloseTo(1_500, -1)
  })

  test('that answers sooner than the other region does wins', async () => {
    const { publish } = make(
      { afterMs: 1_700, results: [stored(1), stored(2)] },
      { afterMs: 500, results: [there(7), there(8)] },
    )
    const outcome = publish()
    await settle()
    expect(outcome).toMatchObject({ results: [stored(1), stored(2)], afterMs: 1_700 })
  })

  test('is waited for when no other region takes the events', async () => {
    const refusing = { results: [failed('unavailable'), failed('unavailable')] }
    const { publish } = make({ afterMs: 3_000, results: [stored(1), stored(2)] }, refusing)
    const outcome = publish()
    await settle()
    expect(outcome).toMatchObject({ results: [stored(1), stored(2)], afterMs: 3_000 })
  })

  test('and a silent other region: ambiguous, because either may have them', async () => {
    const { publish } = make(
      { afterMs: 5_000, results: [failed('deadline_exceeded'), failed('deadline_exceeded')] },
      { afterMs: 3_000, results: [failed('unavailable', true), failed('unavailable', true)] },
    )
    const outcome = publish()
    await settle()
    expect(outcome.results).toMatchObject([
      { error: { code: 'deadline_exceeded', ambiguous: true, retryAfterMs: 500 } },
      { error: { ambiguous: true } },
    ])
  })
})

describe('order', () => {
  test('what is handed on waits for what is before it, and is not handed on when it must not be', async () => {
    const { publish, handed } = make(
      { error: new MeshError('unavailable', 'store: away') },
      { results: [there(7), there(8)] },
    )
    const before = Promise.withResolvers<void>()
    const first = publish({ beforeForward: () => before.promise })
    const second = publish({ beforeForward: () => Promise.reject(new MeshError('unavailable', 'stream: ended')) })
    await settle(1_000)
    expect(handed).toEqual([])
    expect(first).toEqual({})
    expect(second.error).toMatchObject({ message: 'store: away' })
    before.resolve()
    await settle()
    expect(first.results).toEqual([there(7), there(8)])
  })

  test('nothing tried anywhere is a refusal of the whole', async () => {
    const refusing = { results: [failed('unavailable'), failed('unavailable')] }
    const { publish } = make({ error: new MeshError('unavailable', 'store: away', { retryAfterMs: 7 }) }, refusing)
    const outcome = publish()
    await settle()
    expect(outcome.error).toMatchObject({ message: 'store: away', retryAfterMs: 7, ambiguous: false })
  })
})
