import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ControlRecord, encodeControl, parseControl } from './index.ts'

const sequence = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const position = fc.record({
  sequence: fc.oneof(fc.constant(0), sequence),
  stamp: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
})
const mark = fc
  .tuple(fc.constantFrom('', 'us-east'), fc.nat({ max: 2 ** 42 }), fc.nat({ max: 2 ** 42 }))
  .map(([region, sinceMs, span]) => ({ region, sinceMs, untilMs: sinceMs + span }))
const controls: fc.Arbitrary<ControlRecord> = fc.oneof(
  fc.record({ kind: fc.constantFrom('branch', 'open'), common: position, behind: fc.oneof(fc.constant(0), sequence) }),
  fc.record({ kind: fc.constant('gap' as const), after: position }),
  fc.record({
    kind: fc.constant('marker' as const),
    messageId: fc.stringMatching(/^[!-~]{1,100}$/),
    localSequence: sequence,
    mark,
  }),
)

describe('control records', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(controls, (record) => {
        const block = encodeControl(record)
        expect(block.startsWith('NATS/1.0\r\n') && block.endsWith('\r\n\r\n')).toBe(true)
        expect(parseControl(lookupIn(block)).value).toEqual(record)
      }),
    )
  })

  it.each<[string, Record<string, string>]>([
    ['no kind', { 'Lb-Control-At': '1:1', 'Lb-Control-Behind': '1' }],
    ['an unknown kind', { 'Lb-Control': 'bend', 'Lb-Control-At': '1:1', 'Lb-Control-Behind': '1' }],
    ['a branch from nowhere', { 'Lb-Control': 'branch', 'Lb-Control-Behind': '1' }],
    ['a branch that does not say what is behind', { 'Lb-Control': 'branch', 'Lb-Control-At': '1:1' }],
    [
      'an open record that begins at no sequence',
      { 'Lb-Control': 'open', 'Lb-Control-At': '1:1', 'Lb-Control-Behind': '-1' },
    ],
    ['a gap from half a position', { 'Lb-Control': 'gap', 'Lb-Control-At': '1' }],
    ['a marker of nothing', { 'Lb-Control': 'marker', 'Lb-Event-Seq': '1', 'Lb-Retry-Of': '- 1 2' }],
    ['a marker at 0', { 'Lb-Control': 'marker', 'Lb-Event-Id': 'x', 'Lb-Event-Seq': '0', 'Lb-Retry-Of': '- 1 2' }],
    ['a marker without span', { 'Lb-Control': 'marker', 'Lb-Event-Id': 'x', 'Lb-Event-Seq': '1' }],
  ])('refuses %s', (_, headers) => {
    expect(parseControl((name) => headers[name]).error?.code).toBe('failed_precondition')
  })

  it('never writes a second header for a message id with a line break', () => {
    const record = {
      kind: 'marker',
      messageId: 'x\r\nLb-Control: gap',
      localSequence: 1,
      mark: { region: '', sinceMs: 1, untilMs: 2 },
    } as const
    expect(() => encodeControl(record)).toThrow(RangeError)
  })
})

function lookupIn(block: string): (name: string) => string | undefined {
  const lines = block.split('\r\n').slice(1, -2)
  const fields = new Map(lines.map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]))
  return (name) => fields.get(name)
}
