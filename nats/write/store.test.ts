import { describe, expect, it } from 'vitest'
import { headerBlock, requestBytes } from './store.ts'

const payload = new Uint8Array(10)

describe('headerBlock', () => {
  it.each([
    ['', '', '', 'NATS/1.0\r\n\r\n'],
    ['', 'a', '', 'NATS/1.0\r\nNats-Msg-Id: a\r\n\r\n'],
    ['NATS/1.0\r\nB: c\r\n\r\n', '', '', 'NATS/1.0\r\nB: c\r\n\r\n'],
    ['NATS/1.0\r\nB: c\r\n\r\n', 'a', 'D: e\r\n', 'NATS/1.0\r\nD: e\r\nNats-Msg-Id: a\r\nB: c\r\n\r\n'],
  ])('%j with id %j and %j', (headers, messageId, extra, expected) => {
    const request = { subject: 's', headers, payload, messageId }
    expect(headerBlock(request, extra)).toBe(expected)
    expect(requestBytes(request)).toBeGreaterThan(headerBlock(request).length + payload.length)
  })
})
