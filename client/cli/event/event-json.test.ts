import { expect, test } from 'vitest'
import { decodeEvent, type EventInput, encodeEvent } from '../../index.ts'
import { type EventDefaults, eventOfBytes, eventOfLine } from './event-input.ts'
import { dataText, eventToJson } from './event-json.ts'

const NONE: EventDefaults = {
  type: undefined,
  source: undefined,
  subject: undefined,
  key: undefined,
  contentType: undefined,
  extensions: {},
}
const stored = (event: EventInput) => decodeEvent(encodeEvent(event, '/default'))

test.each<EventInput>([
  { type: 't', id: '1', data: { a: [1, 'x'] } },
  { type: 't', id: '1', data: 'plain', dataContentType: 'text/plain' },
  { type: 't', id: '1', data: '"text in JSON"', dataContentType: 'application/json' },
  { type: 't', id: '1', data: 'no JSON', dataContentType: 'text/xml' },
  { type: 't', id: '1', data: Uint8Array.of(0xff, 0, 1), dataContentType: 'image/png' },
  { type: 't', id: '1' },
  {
    type: 't',
    id: '1',
    source: '/s',
    subject: 'about',
    time: new Date(0),
    partitionKey: 'k',
    dataSchema: 'https://schema',
    extensions: { count: 3, flag: true, name: 'x' },
  },
])('what is printed as JSON can be published again: %j', (input) => {
  const event = stored(input)
  const json = eventToJson(event)
  const again = stored(eventOfLine(JSON.stringify(json), NONE, 'line 1'))
  expect(eventToJson(again)).toEqual(json)
  expect(again.bytes()).toEqual(event.bytes())
})

test('attributes of the mesh are not repeated', () => {
  const line = '{"specversion":"1.0","type":"t","id":"1","lborigin":"us-east","recordedtime":"2026-01-01T00:00:00Z"}'
  expect(eventOfLine(line, NONE, 'line 1').extensions).toEqual({})
})

test('lines that are no CloudEvents become data, with the attributes of the command line', () => {
  const defaults = { ...NONE, type: 't', source: '/s', key: 'k', extensions: { a: 'b' } }
  expect(eventOfLine(' {"x": 1}\r', defaults, 'line 1')).toEqual({
    type: 't',
    source: '/s',
    subject: undefined,
    partitionKey: 'k',
    extensions: { a: 'b' },
    data: '{"x": 1}',
    dataContentType: 'application/json',
  })
})

test.each([
  ['{', 'line 7: is no JSON'],
  ['{"x":1}', 'line 7: has no type'],
  ['{"specversion":"0.3","type":"t"}', 'specversion'],
  ['{"specversion":"1.0"}', 'has no type'],
  ['{"specversion":"1.0","type":5}', 'type is no text'],
  ['{"specversion":"1.0","type":"t","time":"noon"}', 'time is no time'],
  ['{"specversion":"1.0","type":"t","x":{}}', 'x is no text, number or boolean'],
])('%s is refused', (line, text) => {
  expect(() => eventOfLine(line, NONE, 'line 7')).toThrow(text)
})

test('the content type follows the data', () => {
  const defaults = { ...NONE, type: 't' }
  expect(eventOfBytes(Buffer.from('[1]'), defaults, 'event').dataContentType).toBe('application/json')
  expect(eventOfBytes(Buffer.from('hello'), defaults, 'event').dataContentType).toBe('text/plain; charset=utf-8')
  expect(eventOfBytes(Buffer.of(0xff), defaults, 'event').dataContentType).toBe('application/octet-stream')
  expect(eventOfBytes(Buffer.from('1'), { ...defaults, contentType: 'x/y' }, 'event').dataContentType).toBe('x/y')
})

test('data for people', () => {
  expect(dataText(stored({ type: 't', data: { a: 1 } }))).toBe('{"a":1}')
  expect(dataText(stored({ type: 't', data: Uint8Array.of(0xff, 1) }))).toBe('(2 bytes)')
  expect(dataText(stored({ type: 't' }))).toBeUndefined()
})
