import { NOT_OWN, QUORUM_ABSENT_MS } from '@landbridge/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { PeerPositions } from '../../replicate/index.ts'
import { encodeApplied } from './applied-message.ts'
import { AppliedPositions } from './applied-positions.ts'
import { Quorum } from './quorum.ts'

beforeEach(() => void vi.useFakeTimers({ now: 0 }))
afterEach(() => void vi.useRealTimers())

const TOPIC = 'acme/orders'
const at = (sequence: number) => ({ sequence, stamp: BigInt(sequence) })
const message = (region: string, sequence: number | undefined, topic = TOPIC) =>
  Buffer.from(encodeApplied('other', [{ topic, region, position: sequence === undefined ? undefined : at(sequence) }]))

function make() {
  const local = new PeerPositions()
  const sent: string[] = []
  const positions = new AppliedPositions({
    gateway: 'this',
    local,
    send: (payload) => sent.push(payload) > 0,
    wanted: (topic) => topic === TOPIC,
  })
  const quorum = new Quorum({ source: positions })
  const claim = (sequence: number) => ({
    sequence,
    begunAtMs: performance.now(),
    deadlineAtMs: performance.now() + 5_000,
    holders: [],
  })
  const among = new Set(['eu', 'ap'])
  const wait = (fallback: 'wait' | 'degrade', sequence: number, holders: readonly string[] = []) => {
    const ended: unknown[] = []
    void quorum
      .wait({ key: TOPIC, fallback }, { ...claim(sequence), holders, among })
      .then((outcome) => ended.push(outcome))
    return ended
  }
  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
  return { local, sent, positions, quorum, claim, wait, settle }
}

describe('a wait', () => {
  test('ends when a region says so, to this gateway or to another', async () => {
    const { local, positions, wait, settle } = make()
    const pull = {}
    local.open(pull, { topic: TOPIC, region: 'eu', position: at(3) })
    await settle(10)
    const first = wait('wait', 4)
    const second = wait('wait', 5)
    local.applied(pull, at(4))
    await settle()
    expect([first, second]).toEqual([[{ kind: 'held', regions: ['eu'] }], []])
    positions.take(message('ap', 9))
    await settle()
    expect(second).toEqual([{ kind: 'held', regions: ['ap'] }])
  })

  test('does not end by what was heard before, by a region that gets not all, or by silence', async () => {
    const { positions, wait, settle } = make()
    positions.take(message('eu', 9))
    await settle(10)
    const ended = wait('wait', 4)
    // Said again: it speaks of the log as it was.
    positions.take(message('eu', 9))
    positions.take(message('filtered', 9))
    positions.take(Buffer.from('{"gateway":"other","rows":[["acme/orders","ap",1e99,"1"]]}'))
    positions.take(Buffer.from('nonsense'))
    await settle(4_999)
    expect(ended).toEqual([])
    await settle(1)
    expect(ended).toEqual([{ kind: 'late' }])
  })

  test('degrades when nobody pulls', async () => {
    const { positions, wait, settle } = make()
    positions.take(message('eu', 9))
    positions.take(message('eu', undefined))
    const ended = wait('degrade', 4)
    await settle(QUORUM_ABSENT_MS - 1)
    expect(ended).toEqual([])
    await settle(1)
    expect(ended).toEqual([{ kind: 'degraded' }])
    expect(await Promise.race([wait('degrade', 5), settle(1)])).toEqual([{ kind: 'degraded' }])
  })

  test('ends when the connection to the store changes, and what was heard is forgotten', async () => {
    const { positions, quorum, wait, settle } = make()
    positions.take(message('eu', 3))
    const ended = wait('wait', 4)
    positions.reset()
    quorum.reset()
    await settle()
    expect(ended).toEqual([{ kind: 'reset' }])
    expect(positions.of(TOPIC)).toEqual([])
  })

  test('for a copy from elsewhere ends when its origin has said that it has it, and by nothing that is heard of our own log', async () => {
    const { positions, wait, settle } = make()
    const unknown = wait('wait', NOT_OWN)
    const held = wait('wait', NOT_OWN, ['eu'])
    positions.take(message('ap', 1_000))
    await settle()
    expect([unknown, held]).toEqual([[], [{ kind: 'held', regions: ['eu'] }]])
  })
})

describe('what gateways tell each other', () => {
  test('changes at once, then each 5 ms, and everything each second', async () => {
    const { local, sent, settle } = make()
    const pull = {}
    local.open(pull, { topic: TOPIC, region: 'eu', position: at(1) })
    local.open({}, { topic: 'acme/other', region: 'eu', position: at(1) })
    for (let sequence = 2; sequence <= 100; sequence += 1) local.applied(pull, at(sequence))
    expect(sent).toEqual([encodeApplied('this', [{ topic: TOPIC, region: 'eu', position: at(1) }])])
    await settle(5)
    expect(sent.slice(1)).toEqual([encodeApplied('this', [{ topic: TOPIC, region: 'eu', position: at(100) }])])
    await settle(2_000)
    expect(sent).toHaveLength(4)
    local.close(pull)
    expect(sent.at(-1)).toBe(encodeApplied('this', [{ topic: TOPIC, region: 'eu', position: undefined }]))
  })

  test('a gateway that is silent is not believed for long', async () => {
    const { positions, settle } = make()
    positions.take(message('eu', 9))
    await settle(3_000)
    positions.take(message('eu', 9))
    await settle(3_000)
    expect(positions.of(TOPIC)).toMatchObject([{ region: 'eu', heardAtMs: 0 }])
    await settle(2_000)
    expect(positions.of(TOPIC)).toEqual([])
  })
})
