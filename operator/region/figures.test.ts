import { type LagRow, type PeerStatus, UNKNOWN_LAG } from '@landbridge/core'
import { describe, expect, test } from 'vitest'
import { peerFigures, topicFigures } from './figures.ts'
import { SteadyReadings } from './steady-readings.ts'

const lag = (parts: Partial<LagRow>): LagRow => ({
  topic: 'acme/orders',
  origin: 'us-east',
  ...UNKNOWN_LAG,
  known: true,
  ...parts,
})
const peer = (state: PeerStatus['state'], lastContactMs?: number): PeerStatus => ({
  region: 'us-east',
  endpoints: [],
  state,
  reason: '',
  lastContactMs,
  pulls: 0,
  cost: 100,
  rttMs: undefined,
  clockAheadMs: undefined,
})
const PEERS = new Map([['us-east', peer('connected')]])

describe('figures', () => {
  test.each<[Partial<LagRow>[], string]>([
    [[{ seconds: 0 }], 'under 10 s'],
    [[{ seconds: 9.9 }, { origin: 'ap', seconds: 12 }], 'under 1 min'],
    [[{ seconds: 599 }], 'under 10 min'],
    [[{ seconds: 600 }], 'under 1 h'],
    [[{ seconds: 1e6 }], 'over 1 h'],
    [[{ seconds: 0 }, { origin: 'ap', known: false }], 'unknown'],
  ])('the lag of %j is %s', (rows, text) => {
    expect(topicFigures(rows.map(lag), PEERS).get('acme/orders')?.lag).toBe(text)
  })

  /** A gateway that dialled in vain was now "connecting", now "disconnected": no two readings agreed, and nothing was shown. */
  test.each<[PeerStatus['state'], number | undefined, string]>([
    ['connected', 7, 'Connected'],
    ['connecting', undefined, 'Connecting'],
    ['disconnected', undefined, 'Connecting'],
    ['connecting', 7, 'Disconnected'],
    ['disconnected', 7, 'Disconnected'],
  ])('a link that is %s, with last contact %s, is shown as %s', (state, contact, link) => {
    expect(peerFigures([], [peer(state, contact)]).get('us-east')?.link).toBe(link)
  })

  test('a pull that stands still is trouble of its topic and of its link; a link that is down, of the link alone', () => {
    const rows = [lag({ problem: 'retention gap' })]
    const trouble = { reason: 'ReplicationStopped', message: 'nothing comes from us-east' }
    expect(topicFigures(rows, PEERS).get('acme/orders')?.trouble).toEqual(trouble)
    expect(peerFigures(rows, PEERS.values()).get('us-east')).toEqual({
      link: 'Connected',
      lag: 'under 10 s',
      lastContactMs: undefined,
      trouble: { reason: 'ReplicationStopped', message: 'nothing comes of acme/orders' },
    })
    const down = [peer('disconnected', 7)]
    expect(topicFigures(rows, new Map([['us-east', peer('disconnected', 7)]])).get('acme/orders')?.trouble).toBe(
      undefined,
    )
    expect(peerFigures(rows, down).get('us-east')).toMatchObject({
      link: 'Disconnected',
      lastContactMs: 7,
      trouble: { reason: 'LinkDown' },
    })
  })
})

test('a change of readings counts when it is seen twice in a row', () => {
  const readings = new SteadyReadings<string>()
  const reading = (text: string) => new Map([['a', text]])
  expect(readings.take(reading('low'))).toEqual(['a'])
  expect(readings.take(reading('high'))).toEqual([])
  expect(readings.take(reading('low'))).toEqual([])
  expect(readings.take(reading('high'))).toEqual([])
  expect(readings.take(reading('high'))).toEqual(['a'])
  expect(readings.get('a')).toBe('high')
  expect(readings.take(new Map())).toEqual([])
  expect(readings.take(new Map())).toEqual(['a'])
  expect(readings.get('a')).toBeUndefined()
})
