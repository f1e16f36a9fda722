import { encodeControl, encodeHeaders } from '@landbridge/core'
import { expect, test } from 'vitest'
import { localRecord } from './local-record.ts'

const common = { sequence: 7, stamp: 70n }

/** A record with that header block, as it is read. */
function stored(subject: string, block: string) {
  const lines = new Map(block.split('\r\n').map((line) => line.split(': ') as [string, string]))
  const header = (name: string) => lines.get(name)
  return { subject, sequence: 9, stampNs: 90n, payload: new Uint8Array(), pending: 0, header }
}

const place = { localSequence: 9, localStamp: 90n }
const origin = { position: common, prev: { sequence: 6, stamp: 60n } }
const event = encodeHeaders({ messageId: 'x', origin, mark: undefined })

test.each([
  ['an event', '0', event, { ...place, position: common }],
  ['a marked event', '0.m', event, { ...place, position: common }],
  ['a gap', 'c', encodeControl({ kind: 'gap', after: common }), { ...place, position: common, control: 'gap' }],
  [
    'a branch',
    'c',
    encodeControl({ kind: 'branch', common, behind: 3 }),
    { ...place, position: common, control: 'branch', behind: 3 },
  ],
  [
    'an open record',
    'c',
    encodeControl({ kind: 'open', common, behind: 3 }),
    { ...place, position: common, control: 'open', behind: 3 },
  ],
])('%s says where its origin was', (_, token, block, expected) => {
  expect(localRecord(stored(`lb.acme.orders.us-east.${token}`, block))).toEqual(expected)
})

test.each([
  ['an event of this region itself', '0', encodeHeaders({ messageId: 'x', origin: undefined, mark: undefined })],
  [
    'a marker',
    'c',
    encodeControl({
      kind: 'marker',
      messageId: 'x',
      localSequence: 3,
      mark: { region: 'us-east', sinceMs: 1, untilMs: 2 },
    }),
  ],
  ['something else', '0', 'NATS/1.0\r\n\r\n'],
])('%s is refused', (_, token, block) => {
  expect(() => localRecord(stored(`lb.acme.orders.us-east.${token}`, block))).toThrow()
})
