import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  afterBatch,
  BATCH_LIFE_MS,
  type Checkpoint,
  continuesFrom,
  copyCheckOf,
  encodeCheckpoint,
  encodeHeaders,
  type LocalRecord,
  markOf,
  parseCheckpoint,
  parseHeaders,
  REPLICATION_HEADERS_MAX,
  type RecordHeaders,
  resolvePosition,
  START,
  sameSession,
} from './index.ts'

const sequence = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const stamp = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })
const place = fc.record({ sequence, stamp })

describe('resolvePosition (rule 3)', () => {
  // Local stream: A:10 at 3, then a record of another origin at 4 that is a copy of A:12.
  const last: LocalRecord = { position: { sequence: 10, stamp: 100n }, localSequence: 3, localStamp: 1003n }
  const checkpoint: Checkpoint = {
    position: { sequence: 12, stamp: 120n },
    lastOf: { sequence: 3, stamp: 1003n },
    end: { sequence: 4, stamp: 1004n },
  }
  const stampAt = (at: number) => (at >= 1 && at <= 4 ? BigInt(1000 + at) : undefined)

  it.each([
    ['nothing is there', undefined, undefined, stampAt, START, 0],
    ['only a record', last, undefined, stampAt, last.position, 3],
    ['a checkpoint that holds', last, checkpoint, stampAt, checkpoint.position, 3],
    ['the origin has a newer record', { ...last, localSequence: 5 }, checkpoint, stampAt, last.position, 5],
    ['another record on the same place', { ...last, localStamp: 9n }, checkpoint, stampAt, last.position, 3],
    ['the tail was lost', last, checkpoint, () => undefined, last.position, 3],
    ['the tail was lost and grew again', last, checkpoint, () => 7n, last.position, 3],
    ['the last record is gone', undefined, checkpoint, stampAt, START, 0],
    [
      'all was skipped so far',
      undefined,
      { ...checkpoint, lastOf: { sequence: 0, stamp: 0n } },
      stampAt,
      checkpoint.position,
      0,
    ],
    [
      'a repaired origin: smaller numbers follow greater ones',
      { ...last, position: { sequence: 4, stamp: 900n } },
      undefined,
      stampAt,
      { sequence: 4, stamp: 900n },
      3,
    ],
  ] as const)('%s', (_, lastRecord, stored, stamps, position, fence) => {
    expect(resolvePosition(lastRecord, stored, { stampAt: stamps })).toEqual({ position, fence, next: 'pull' })
  })

  it.each([
    ['a branch', 'branch', undefined, last.position, 'repair'],
    ['a branch, whatever a checkpoint says', 'branch', checkpoint, last.position, 'repair'],
    ['an open record', 'open', undefined, last.position, 'pull'],
    ['copies skipped behind an open record', 'open', checkpoint, checkpoint.position, 'pull'],
    ['a gap', 'gap', undefined, last.position, 'skip-gap'],
    ['copies skipped behind a gap', 'gap', checkpoint, checkpoint.position, 'pull'],
  ] as const)('goes by %s', (_, control, stored, position, next) => {
    const resolved = resolvePosition({ ...last, control }, stored, { stampAt })
    expect(resolved).toEqual({ position, fence: 3, next })
  })

  it('reads back every checkpoint that it wrote', () => {
    fc.assert(
      fc.property(fc.record({ position: place, lastOf: place, end: place }), (value) => {
        expect(parseCheckpoint(encodeCheckpoint(value)).value).toEqual(value)
      }),
    )
  })

  it('takes nothing else for a checkpoint', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(parseCheckpoint(text).error?.code).toBe('invalid_argument')
      }),
    )
    const good = encodeCheckpoint(checkpoint)
    for (const [part, other] of [
      ['"120"', '"x"'],
      ['"sequence":12', '"sequence":-1'],
      ['"version":1', '"version":2'],
    ] as const) {
      expect(good).toContain(part)
      expect(parseCheckpoint(good.replace(part, other)).error?.code).toBe('invalid_argument')
    }
    expect(parseCheckpoint(good.replace('"120"', `"${1n << 64n}"`)).error).toBeDefined()
  })
})

describe('record headers (rule 1)', () => {
  const headers = fc.record({
    messageId: fc.stringMatching(/^[!-~]{1,100}$/),
    origin: fc.option(fc.record({ position: place, prev: fc.oneof(place, fc.constant(START)) }), { nil: undefined }),
    mark: fc.option(
      fc
        .tuple(fc.constantFrom('', 'us-east', 'a'), fc.nat({ max: 2 ** 42 }), fc.nat({ max: 2 ** 42 }))
        .map(([region, since, span]) => ({ region, sinceMs: since, untilMs: since + span })),
      { nil: undefined },
    ),
  })

  it('reads back every block that it wrote', () => {
    fc.assert(
      fc.property(headers, (value: RecordHeaders) => {
        expect(parseHeaders(lookupIn(encodeHeaders(value))).value).toEqual(value)
      }),
    )
  })

  it('never takes more than is reserved for it, longest names, batch and fence included', () => {
    fc.assert(
      fc.property(headers, (value) => {
        const block = encodeHeaders({ ...value, messageId: 'i'.repeat(140) })
        expect(
          block.length + 232 + `lb.${'a'.repeat(63)}.${'b'.repeat(120)}.${'c'.repeat(63)}.>`.length,
        ).toBeLessThanOrEqual(REPLICATION_HEADERS_MAX)
      }),
    )
  })

  it('writes the block that other NATS clients read', () => {
    const position = { sequence: 7, stamp: 70n }
    const mark = { region: '', sinceMs: 1, untilMs: 2 }
    expect(encodeHeaders({ messageId: 'id', origin: { position, prev: START }, mark })).toBe(
      'NATS/1.0\r\nNats-Msg-Id: id\r\nLb-Origin-Seq: 7\r\nLb-Origin-Stamp: 70\r\nLb-Origin-Prev: 0:0\r\nLb-Retry-Of: - 1 2\r\n\r\n',
    )
  })

  it.each([
    ['no message id', {}],
    ['half of the position', { 'Nats-Msg-Id': 'x', 'Lb-Origin-Seq': '1' }],
    ['no record before it', { 'Nats-Msg-Id': 'x', 'Lb-Origin-Seq': '1', 'Lb-Origin-Stamp': '1' }],
    ['sequence 0', { 'Nats-Msg-Id': 'x', 'Lb-Origin-Seq': '0', 'Lb-Origin-Stamp': '1', 'Lb-Origin-Prev': '0:0' }],
    ['an unsafe sequence', withSequence('9007199254740993')],
    ['a hexadecimal sequence', withSequence('0x10')],
    ['a span that ends before it begins', { 'Nats-Msg-Id': 'x', 'Lb-Retry-Of': 'us-east 5 4' }],
    ['a mark without region', { 'Nats-Msg-Id': 'x', 'Lb-Retry-Of': '5 6' }],
  ])('refuses %s', (_, fields: Record<string, string>) => {
    expect(parseHeaders((name) => fields[name]).error?.code).toBe('failed_precondition')
  })

  it('never writes a second header for a message id with a line break', () => {
    expect(() => encodeHeaders({ messageId: 'x\r\nLb-Origin-Seq: 1', origin: undefined, mark: undefined })).toThrow()
  })
})

describe('markOf (rule 4)', () => {
  const here = {
    region: 'us-east',
    nowMs: 1_000_000,
    duplicateWindowMs: 120_000,
    batchLifeMs: BATCH_LIFE_MS,
    skewMs: 5_000,
  }
  const marked = (ageMs: number, region: string) => ({ region, sinceMs: 995_000 - ageMs, untilMs: 1_015_000 })

  it.each([
    ['the first attempt', undefined, undefined],
    ['a quick retry in the same region', { ageMs: 99_999, region: 'us-east', elsewhere: false }, undefined],
    [
      'at two batch lives before the window ends',
      { ageMs: 100_000, region: 'us-east', elsewhere: false },
      marked(100_000, 'us-east'),
    ],
    ['a retry elsewhere', { ageMs: 10, region: 'eu-west', elsewhere: false }, marked(10, 'eu-west')],
    ['an unknown first region', { ageMs: 10, region: '', elsewhere: false }, marked(10, '')],
    ['once marked, always marked', { ageMs: 10, region: 'us-east', elsewhere: true }, marked(10, 'us-east')],
    ['a negative age', { ageMs: -50, region: 'eu-west', elsewhere: false }, marked(0, 'eu-west')],
    [
      'an age that is no number',
      { ageMs: Number.NaN, region: 'us-east', elsewhere: false },
      { region: 'us-east', sinceMs: 0, untilMs: 1_015_000 },
    ],
    [
      // Its publisher may try again at home, unmarked, for nearly a window: those copies must be in the span, too.
      'forwarded',
      { ageMs: 10, region: 'eu-west', elsewhere: true, forwarded: true },
      { region: 'eu-west', sinceMs: 994_990, untilMs: 1_000_000 - 10 + 120_000 + 15_000 },
    ],
    [
      'forwarded long after its first attempt',
      { ageMs: 500_000, region: 'eu-west', elsewhere: true, forwarded: true },
      marked(500_000, 'eu-west'),
    ],
    [
      'forwarded back to where it was tried first',
      { ageMs: 0, region: 'us-east', elsewhere: false, forwarded: true },
      { region: 'us-east', sinceMs: 995_000, untilMs: 1_135_000 },
    ],
  ])('%s', (_, attempt, mark) => {
    expect(markOf(attempt, here)).toEqual(mark)
  })

  it('covers every attempt in between, whatever the clocks say within the skew', () => {
    const skew = fc.integer({ min: -5_000, max: 5_000 })
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 500_000 }),
        skew,
        fc.nat({ max: BATCH_LIFE_MS }),
        (ageMs, offset, flight) => {
          const mark = markOf({ ageMs, region: 'eu-west', elsewhere: false }, here)
          if (mark === undefined) throw new Error('wanted a mark')
          expect(mark.sinceMs).toBeLessThanOrEqual(here.nowMs - ageMs + offset)
          expect(mark.untilMs).toBeGreaterThanOrEqual(here.nowMs + flight + offset)
        },
      ),
    )
  })
})

describe('copyCheckOf (rule 5)', () => {
  const here = { nowMs: 100_000, duplicateWindowMs: 60_000, batchLifeMs: 10_000, skewMs: 1_000 }

  it.each([
    ['unmarked', undefined, 'ids'],
    ['the server still remembers', { region: '', sinceMs: 51_001, untilMs: 1e6 }, 'ids-and-window'],
    ['it may have forgotten', { region: '', sinceMs: 51_000, untilMs: 1e6 }, { scanFromMs: 51_000, scanUntilMs: 1e6 }],
  ])('%s', (_, mark, check) => {
    expect(copyCheckOf(mark, here)).toEqual(check)
  })

  it('leaves the answer to the server only when a copy from `since` on is still remembered on arrival', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 100_000 }),
        fc.nat({ max: here.batchLifeMs }),
        fc.nat({ max: 100_000 }),
        (sinceMs, flight, later) => {
          if (copyCheckOf({ region: '', sinceMs, untilMs: 1e6 }, here) !== 'ids-and-window') return
          expect(here.nowMs + flight).toBeLessThan(sinceMs + later + here.duplicateWindowMs)
        },
      ),
    )
  })
})

describe('afterBatch (rule 3b), continuesFrom (rule 2), sameSession (rule 6)', () => {
  const position = { sequence: 5, stamp: 50n }

  it('goes on only behind the very message that was sent', () => {
    expect(afterBatch(position, { position, localSequence: 9, localStamp: 1n })).toBe('go-on')
    expect(afterBatch(position, { position: { sequence: 5, stamp: 51n }, localSequence: 9, localStamp: 1n })).toBe(
      'end-run',
    )
    expect(afterBatch(position, undefined)).toBe('end-run')
    expect(afterBatch(position, { position, control: 'open', localSequence: 9, localStamp: 1n })).toBe('end-run')
  })

  it('continues only from the same act of storing', () => {
    expect(continuesFrom(position, { sequence: 5, stamp: 50n })).toBe(true)
    expect(continuesFrom(position, { sequence: 5, stamp: 51n })).toBe(false)
    expect(continuesFrom(START, START)).toBe(true)
  })

  it('tells sessions apart by each of their parts', () => {
    const session = { serverId: 's', reconnects: 1, streamCreated: 'then' }
    expect(sameSession(session, { ...session })).toBe(true)
    for (const other of [{ serverId: 't' }, { reconnects: 2 }, { streamCreated: 'now' }, { streamLeader: 'n2' }]) {
      expect(sameSession(session, { ...session, ...other })).toBe(false)
    }
  })
})

function withSequence(sequence: string): Record<string, string> {
  return { 'Nats-Msg-Id': 'x', 'Lb-Origin-Seq': sequence, 'Lb-Origin-Stamp': '1', 'Lb-Origin-Prev': '0:0' }
}

function lookupIn(block: string): (name: string) => string | undefined {
  const lines = block.split('\r\n').slice(1, -2)
  const fields = new Map(lines.map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]))
  return (name) => fields.get(name)
}
