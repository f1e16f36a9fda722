import { describe, expect, it } from 'vitest'
import { RelayModel } from '../testing/relay-model.ts'
import {
  type BendRecord,
  liveSegments,
  type Position,
  type RelayEntry,
  RelayRun,
  START,
  samePosition,
} from './index.ts'

const SEEDS = 4000

const at = (sequence: number, stamp = BigInt(sequence)): Position => ({ sequence, stamp })

type Event = { readonly position: Position; readonly prev: Position }

/** An entry that names what it follows; entries lie in the local stream at ten times their sequence. */
function entry(sequence: number, prev: number, localSequence = 10 * sequence): RelayEntry<Event> {
  const event = { position: at(sequence), prev: at(prev) }
  return { ...event, localSequence, event }
}

function control(kind: 'branch' | 'open' | 'gap', sequence: number, localSequence: number): RelayEntry<Event> {
  return { position: at(sequence), localSequence, control: kind, event: undefined }
}

function runFrom(sequence: number, options: { readonly skipGap?: boolean } = {}): RelayRun<Event> {
  const place = { after: 10 * sequence, held: at(sequence) }
  const segments = liveSegments([])
  return new RelayRun<Event>({ segments, place, position: at(sequence), passes: () => true, ...options })
}

describe('live segments (rule 7)', () => {
  const end = Number.POSITIVE_INFINITY
  const bend = (kind: 'branch' | 'open', localSequence: number, common: number, behind: number): BendRecord => ({
    kind,
    localSequence,
    position: at(common),
    behind,
  })

  it.each<[string, BendRecord[], ReturnType<typeof liveSegments>]>([
    ['nothing was written down', [], [{ after: 0, upTo: end, base: START }]],
    ['a branch is the last record', [bend('branch', 9, 3, 4)], undefined],
    [
      'a repaired branch',
      [bend('branch', 9, 3, 4), bend('open', 12, 3, 4)],
      [
        { after: 0, upTo: 4, base: START },
        { after: 12, upTo: end, base: at(3) },
      ],
    ],
    [
      'nothing in common',
      [bend('branch', 9, 0, 0), bend('open', 12, 0, 0)],
      [{ after: 12, upTo: end, base: at(0, 0n) }],
    ],
    [
      'a second branch behind the first',
      [bend('branch', 9, 3, 4), bend('open', 12, 3, 4), bend('branch', 20, 5, 15), bend('open', 21, 5, 15)],
      [
        { after: 0, upTo: 4, base: START },
        { after: 12, upTo: 15, base: at(3) },
        { after: 21, upTo: end, base: at(5) },
      ],
    ],
    [
      'a second branch that goes back before the first',
      [bend('branch', 9, 3, 4), bend('open', 12, 3, 4), bend('branch', 20, 1, 2), bend('open', 21, 1, 2)],
      [
        { after: 0, upTo: 2, base: START },
        { after: 21, upTo: end, base: at(1) },
      ],
    ],
    ['retention took the branch record', [bend('open', 12, 3, 0)], [{ after: 12, upTo: end, base: at(3) }]],
  ])('%s', (_, controls, expected) => {
    expect(liveSegments(controls)).toEqual(expected)
  })
})

describe('place in log (rule 2)', () => {
  it('finds what reading everything finds', () => {
    let found = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const model = new RelayModel(seed)
      const position = model.anyPosition()
      const expected = model.placeByReading(position)
      expect(model.place(position), `seed ${seed}`).toEqual(expected)
      if (expected !== undefined) found++
    }
    expect(found).toBeGreaterThan(SEEDS / 4)
  })
})

describe('relay run (rules 2 and 2b)', () => {
  it('serves what follows, and asks upstream over a hole until it is behind it', () => {
    const run = runFrom(1)
    expect(run.begin()).toEqual({ kind: 'read', after: 10 })
    const entries = [entry(2, 1), entry(4, 3), entry(5, 4)]
    const served = run.next({ kind: 'local', entries })
    expect(served).toMatchObject({ kind: 'emit', events: [entries[0]?.event], prev: at(1) })
    expect(run.next({ kind: 'emitted' })).toMatchObject({ kind: 'hand-on', position: at(2), skipGap: false })
    const events = [3, 4, 5].map((sequence) => ({ position: at(sequence), prev: at(sequence - 1) }))
    expect(run.next({ kind: 'records', events })).toMatchObject({
      kind: 'emit',
      events: events.slice(0, 2),
      prev: at(2),
    })
    // What was read before is still in hand.
    expect(run.next({ kind: 'emitted' })).toMatchObject({ kind: 'emit', events: [entries[2]?.event], prev: at(4) })
    expect(run.next({ kind: 'emitted' })).toEqual({ kind: 'read', after: 50 })
  })

  it('cannot tell over a hole when the origin cannot be reached', () => {
    const run = runFrom(1)
    run.begin()
    expect(run.next({ kind: 'local', entries: [entry(4, 3)] })).toMatchObject({ kind: 'hand-on' })
    const refusal = run.next({ kind: 'refused', reason: 'cannot-tell' })
    expect(refusal).toEqual({ kind: 'refuse', reason: 'cannot-tell', first: undefined })
    expect(run.next({ kind: 'emitted' })).toEqual(refusal)
  })

  it.each(['diverged', 'retention-gap'] as const)('hands the word of the origin on: %s', (reason) => {
    const opening = { segments: liveSegments([]), place: undefined, position: at(9), passes: () => true }
    const run = new RelayRun<Event>(opening)
    expect(run.begin()).toEqual({ kind: 'hand-on', position: at(9), scanned: undefined, skipGap: false })
    expect(run.next({ kind: 'refused', reason, first: at(12) })).toEqual({ kind: 'refuse', reason, first: at(12) })
  })

  it('serves nothing while the origin is in repair here', () => {
    const opening = { segments: undefined, place: undefined, position: START, passes: () => true }
    const inRepair = new RelayRun<Event>(opening)
    expect(inRepair.begin()).toMatchObject({ kind: 'hand-on', position: START })
    const refused = inRepair.next({ kind: 'refused', reason: 'cannot-tell' })
    expect(refused).toMatchObject({ kind: 'refuse', reason: 'repairing' })
    const run = runFrom(1)
    run.begin()
    expect(run.next({ kind: 'local', entries: [entry(2, 1), control('branch', 1, 25)] })).toMatchObject({
      kind: 'emit',
    })
    expect(run.next({ kind: 'emitted' })).toMatchObject({ kind: 'refuse', reason: 'repairing' })
  })

  it('takes only those over a gap who have written it down', () => {
    const entries = [control('gap', 1, 12), entry(5, 1)]
    const strict = runFrom(1)
    strict.begin()
    expect(strict.next({ kind: 'local', entries })).toMatchObject({ kind: 'hand-on', position: at(1) })
    const informed = runFrom(1, { skipGap: true })
    informed.begin()
    expect(informed.next({ kind: 'local', entries })).toMatchObject({ kind: 'emit', events: [entries[1]?.event] })
  })

  it.each([
    ['one that knows of the gap', 1, { skipGap: true }],
    ['one that has nothing', 0, {}],
  ])('takes over a gap to what it has, when upstream keeps less: %s', (_, sequence, options) => {
    const place = { after: 0, held: sequence === 0 ? START : at(sequence) }
    const position = place.held
    const run = new RelayRun<Event>({ segments: liveSegments([]), place, position, passes: () => true, ...options })
    run.begin()
    const entries = [entry(5, 4), entry(6, 5)]
    expect(run.next({ kind: 'local', entries })).toMatchObject({ kind: 'hand-on', position, until: at(5) })
    const later = [{ position: at(9), prev: position }]
    const events = entries.map(({ event }) => event)
    expect(run.next({ kind: 'records', events: later })).toMatchObject({ kind: 'emit', events, prev: position })
    expect(run.next({ kind: 'emitted' })).toEqual({ kind: 'read', after: 60 })
  })

  it('reads a skipped tail through, and does without when nobody can be asked', () => {
    const run = runFrom(1)
    run.begin()
    expect(run.next({ kind: 'end', applied: at(3) })).toMatchObject({ kind: 'hand-on', position: at(1) })
    expect(run.next({ kind: 'refused', reason: 'cannot-tell' })).toEqual({ kind: 'read', after: 10 })
    run.next({ kind: 'end', applied: at(3) })
    const events = [2, 3].map((sequence) => ({ position: at(sequence), prev: at(sequence - 1) }))
    expect(run.next({ kind: 'records', events })).toMatchObject({ kind: 'emit', events })
    expect(run.next({ kind: 'emitted' })).toEqual({ kind: 'read', after: 10 })
    expect(run.next({ kind: 'local', entries: [entry(4, 3)] })).toMatchObject({ kind: 'emit', prev: at(3) })
  })

  it('brings an upstream that breaks its chain to an end', () => {
    const run = new RelayRun<Event>({
      segments: liveSegments([]),
      place: undefined,
      position: at(9),
      passes: () => true,
    })
    run.begin()
    const broken = [{ position: at(12), prev: at(11) }]
    expect(run.next({ kind: 'records', events: broken })).toMatchObject({ kind: 'refuse', reason: 'cannot-tell' })
  })

  it('gives a receiver everything that is for it, once, in order and without a hole', () => {
    const seen: Record<string, number> = {}
    let complete = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const model = new RelayModel(seed)
      const result = model.run()
      const { from, got, wanted, refusal, skipGap, reachable, scanned } = result
      let prev = from
      for (const event of got) {
        expect(event.prev, `seed ${seed}: chain`).toEqual(prev)
        prev = event.position
      }
      // A receiver at the start, or one that knows of the gap, may begin with the oldest record that is kept.
      const mayJump = skipGap || from.sequence === 0
      const first = mayJump ? wanted.findIndex(({ position }) => samePosition(position, got[0]?.position ?? START)) : 0
      const expected = wanted.slice(Math.max(0, first), Math.max(0, first) + got.length)
      const ids = got.map(({ id }) => id)
      expect(ids, `seed ${seed}: events`).toEqual(expected.map(({ id }) => id))
      if (refusal === 'cannot-tell' || refusal === 'diverged') expect(reachable, `seed ${seed}: ${refusal}`).toBe(false)
      if (reachable && refusal === undefined) {
        const rest = wanted.filter(({ position }) => position.sequence > scanned.sequence)
        const left = wanted.length - Math.max(0, first) - got.length
        expect(left, `seed ${seed}: left over`).toBe(rest.length)
        complete++
      }
      for (const [name, times] of Object.entries(model.seen)) seen[name] = (seen[name] ?? 0) + times
    }
    expect(complete).toBeGreaterThan(SEEDS / 2)
    for (const [name, times] of Object.entries(seen)) expect(times, name).toBeGreaterThan(0)
  })
})
