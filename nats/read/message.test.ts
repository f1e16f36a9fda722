import { describe, expect, it } from 'vitest'
import { headerIn, rawMessage, readDelivery, stampOf } from './message.ts'

describe('readDelivery', () => {
  it('reads both forms of the acknowledgement subject', () => {
    const expected = {
      deliveries: 2,
      sequence: 1042,
      consumerSequence: 7,
      stampNs: 1_700_000_000_123_456_789n,
      pending: 3,
    }
    expect(readDelivery('$JS.ACK.lb_t.worker.2.1042.7.1700000000123456789.3')).toEqual(expected)
    expect(readDelivery('$JS.ACK.domain.hash.lb_t.worker.2.1042.7.1700000000123456789.3')).toEqual(expected)
    expect(readDelivery('$JS.ACK._.hash.lb_t.worker.2.1042.7.1700000000123456789.3.random')).toEqual(expected)
  })

  it.each(['', '_INBOX.a', '$JS.ACK.a.b', '$JS.API.x.y.1.2.3.4.5'])('refuses %j', (subject) => {
    expect(readDelivery(subject)).toBeUndefined()
  })
})

describe('stampOf', () => {
  it.each([
    ['2023-11-14T22:13:20Z', 1_700_000_000_000_000_000n],
    ['2023-11-14T22:13:20.5Z', 1_700_000_000_500_000_000n],
    ['2023-11-14T22:13:20.123456789Z', 1_700_000_000_123_456_789n],
    ['2023-11-14T22:13:20.000000001Z', 1_700_000_000_000_000_001n],
  ])('%s', (time, stamp) => {
    expect(stampOf(time)).toBe(stamp)
  })
})

describe('headerIn', () => {
  const block = 'NATS/1.0\r\nLb-Origin-Seq: 12\r\nX:no space\r\nEmpty:\r\nLb-Retry-Of: a 1 2 \r\n\r\n'

  it.each([
    ['Lb-Origin-Seq', '12'],
    ['X', 'no space'],
    ['Empty', ''],
    ['Lb-Retry-Of', 'a 1 2'],
    ['Origin-Seq', undefined],
    ['Lb-Origin', undefined],
  ])('%s', (name, value) => {
    expect(headerIn(block, name)).toBe(value)
    expect(headerIn('', name)).toBeUndefined()
  })

  it('reads records of the stream get API', () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    const record = rawMessage({
      subject: 'a',
      seq: 3,
      time: '2023-11-14T22:13:20Z',
      data: base64('body'),
      hdrs: base64(block),
    })
    expect(record.header('X')).toBe('no space')
    expect(Buffer.from(record.payload).toString()).toBe('body')
    expect(rawMessage({ subject: 'a', seq: 3, time: '2023-11-14T22:13:20Z' }).payload).toHaveLength(0)
  })
})
