import { type ApplyResult, applyFenced, type StoreRequest, type WriteMode } from '@landbridge/nats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NatsRegion, numbered, readAll, startRegion, textOf } from './fixtures.ts'

const cases: readonly [nodes: 1 | 3, mode: WriteMode][] = [
  [1, 'atomic'],
  [1, 'single'],
  [3, 'atomic'],
]

describe.each(cases)('applyFenced on %d server(s), %s', (nodes, mode) => {
  let region: NatsRegion
  beforeAll(async () => {
    region = await startRegion({ nodes })
  })
  afterAll(() => region[Symbol.asyncDispose]())

  function apply(stream: string, numbers: readonly number[], sequence: number): Promise<ApplyResult> {
    const requests = numbers.map((number): StoreRequest => numbered(`${stream}.far.${number % 3}`, number))
    const fence = { filter: `${stream}.far.>`, sequence }
    return applyFenced({ session: region.session, stream, mode, requests, fence })
  }

  it('stores everything behind its fence, and nothing in front of another one', async () => {
    const stream = await region.makeStream('fence')
    expect(await apply(stream, [1, 2, 3], 0)).toEqual({ kind: 'stored', lastSequence: 3 })
    await region.session.request(`${stream}.near.0`, 'own')
    expect(await apply(stream, [4, 5], 2)).toEqual({ kind: 'fenced' })
    expect(await apply(stream, [4, 5], 0)).toEqual({ kind: 'fenced' })
    expect(await apply(stream, [4], 4)).toEqual({ kind: 'fenced' })
    expect(await apply(stream, [4, 5], 3)).toEqual({ kind: 'stored', lastSequence: 6 })
    expect(await apply(stream, [6], 6)).toEqual({ kind: 'stored', lastSequence: 7 })
    expect((await readAll(region.session, stream)).map(textOf)).toEqual(['1', '2', '3', 'own', '4', '5', '6'])
  })

  it('stores nothing of a batch whose first event is known already, whatever its fence', async () => {
    const stream = await region.makeStream('repeat')
    await apply(stream, [1, 2, 3], 0)
    expect(await apply(stream, [3], 3)).toEqual({ kind: 'duplicate' })
    if (mode === 'single') return
    // A stale applier: a fast batch would skip 1 without a look at the fence, and store 4.
    expect(await apply(stream, [1, 4], 0)).toEqual({ kind: 'duplicate' })
    expect(await apply(stream, [4, 3], 3)).toEqual({ kind: 'duplicate' })
    expect(await readAll(region.session, stream)).toHaveLength(3)
  })

  it('lets one of two appliers through', async () => {
    const stream = await region.makeStream('race')
    const numbers = (from: number) => Array.from({ length: 300 }, (_, n) => from + n)
    const results = await Promise.all([apply(stream, numbers(0), 0), apply(stream, numbers(1_000), 0)])
    const stored = (await readAll(region.session, stream)).map((message) => Number(textOf(message)))
    expect(results.filter(({ kind }) => kind === 'stored')).toHaveLength(1)
    if (mode !== 'single') expect(results.filter(({ kind }) => kind === 'fenced')).toHaveLength(1)
    if (mode !== 'single') expect(stored).toEqual(numbers(results[0]?.kind === 'stored' ? 0 : 1_000))
  })

  it('says for certain that nothing is stored when it cannot be', async () => {
    const wrong = [
      applyFenced({ session: region.session, stream: 'x', mode, requests: [], fence: { filter: 'x', sequence: 0 } }),
    ]
    wrong.push(apply('absent', [1], 0), apply('absent', [1, 2], 0))
    for (const result of await Promise.all(wrong)) {
      expect(result).toMatchObject({ kind: 'failed', error: { ambiguous: false } })
    }
    const stream = await region.makeStream('small', { max_msg_size: 500 })
    const large = { ...numbered(`${stream}.far.0`, 2), payload: new Uint8Array(1_000) }
    const result = await applyFenced({
      session: region.session,
      stream,
      mode,
      requests: [large, numbered(`${stream}.far.0`, 3)],
      fence: { filter: `${stream}.far.>`, sequence: 0 },
    })
    expect(result).toMatchObject({ kind: 'failed', error: { ambiguous: false } })
    expect(await readAll(region.session, stream)).toHaveLength(0)
  })

  it('is ambiguous when the server is silent, and fails at once without a connection', {
    timeout: 60_000,
  }, async () => {
    if (nodes > 1) return
    const stream = await region.makeStream('silent')
    await apply(stream, [1], 0)
    region.servers.pause()
    const requests = [numbered(`${stream}.far.0`, 2), numbered(`${stream}.far.0`, 3)]
    const fence = { filter: `${stream}.far.>`, sequence: 1 }
    const paused = applyFenced({ session: region.session, stream, mode, requests, fence, timeoutMs: 200 })
    expect(await paused).toMatchObject({ kind: 'failed', error: { ambiguous: true } })
    const sent = apply(stream, [4, 5], 1)
    await region.servers.kill()
    expect(await sent).toMatchObject({ kind: 'failed', error: { ambiguous: true } })
    expect(await apply(stream, [4, 5], 1)).toMatchObject({ kind: 'failed', error: { ambiguous: false } })
    await region.servers.start()
    await region.session.whenConnected(AbortSignal.timeout(10_000))
  })
})
