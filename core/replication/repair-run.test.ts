import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RepairModel } from '../testing/repair-model.ts'
import {
  CommonSearch,
  type LocalRecord,
  type MatchAnswer,
  markerOf,
  type RepairAction,
  type RepairInput,
  type RepairOpening,
  RepairRun,
  START,
} from './index.ts'

const session = { serverId: 's', reconnects: 0, streamCreated: 'then', streamLeader: undefined }
const place = (sequence: number) => ({ sequence, stamp: BigInt(sequence) * 10n })
const event = (localSequence: number) => ({
  localSequence,
  position: place(localSequence),
  prev: localSequence === 1 ? START : place(localSequence - 1),
})
const last: LocalRecord = { position: place(9), localSequence: 9, localStamp: 1n }
const opening: RepairOpening = { session, origin: 'us-east', last, duplicateWindowMs: 60_000 }

describe('repair run', () => {
  it('gives back all that the origin lost, once, whatever crashes and races', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), (seed) => {
        const { problems, positionsMax, questionsMax } = new RepairModel(seed).run()
        expect(problems).toEqual([])
        expect(positionsMax).toBeLessThanOrEqual(64)
        expect(questionsMax).toBeLessThanOrEqual(12)
      }),
      { numRuns: 300 },
    )
  })

  it('takes each step only when the one before is in the data', () => {
    const run = new RepairRun(opening)
    const unadopted = { messageId: 'x', localSequence: 7, recordedMs: 100_000, mark: undefined }
    const steps: [RepairAction['kind'], RepairInput][] = [
      ['probe', { kind: 'probed', events: [1, 5, 7, 8, 9].map(event) }],
      ['match', { kind: 'matched', answers: ['present', 'present', 'absent', 'absent', 'absent'] }],
      ['probe', { kind: 'probed', events: [event(6)] }],
      ['match', { kind: 'matched', answers: ['absent'] }],
      ['write-control', { kind: 'written', result: { kind: 'stored', lastSequence: 12 } }],
      ['wait', { kind: 'waited' }],
      ['read-last', { kind: 'last', last: { ...last, control: 'branch', localSequence: 12 } }],
      ['next-unadopted', { kind: 'unadopted', events: [unadopted], fence: 3 }],
      ['write-markers', { kind: 'written', result: { kind: 'fenced' } }],
      ['next-unadopted', { kind: 'unadopted', events: [unadopted], fence: 4 }],
      ['write-markers', { kind: 'written', result: { kind: 'stored', lastSequence: 13 } }],
      ['next-unadopted', { kind: 'unadopted', events: [], fence: 13 }],
      ['write-control', { kind: 'written', result: { kind: 'stored', lastSequence: 14 } }],
    ]
    const taken: RepairAction[] = []
    let action = run.begin()
    for (const [kind, input] of steps) {
      expect(action.kind).toBe(kind)
      taken.push(action)
      action = run.next(input, session)
    }
    expect(action).toEqual({ kind: 'end', reason: 'repaired' })
    expect(run.adopted).toBe(1)
    expect(taken[4]).toMatchObject({ record: { kind: 'branch', common: place(5), behind: 5 }, fence: 9 })
    expect(taken[5]).toEqual({ kind: 'wait', ms: 10_001 })
    expect(taken[7]).toEqual({ kind: 'next-unadopted', after: 5, before: 12, limit: 1_000 })
    expect(taken[9]).toMatchObject({ after: 5 })
    expect(taken[11]).toMatchObject({ after: 7 })
    expect(taken[10]).toMatchObject({ fence: 4, markers: [{ messageId: 'x', localSequence: 7 }] })
    expect(taken[12]).toMatchObject({ record: { kind: 'open', common: place(5), behind: 5 }, fence: 12 })
  })

  const branch: LocalRecord = { ...last, control: 'branch', behind: 4 }
  it.each([
    ['anew when nobody knows how long it has been there', undefined, 10_001],
    ['for the rest of a batch life', 4_000, 6_001],
    ['no longer', 60_000, 0],
  ])('waits behind a branch that it finds %s', (_, branchAgeMs, ms) => {
    const run = new RepairRun({ ...opening, last: branch, branchAgeMs })
    expect(run.begin()).toEqual({ kind: 'wait', ms })
    expect(run.common).toEqual(branch.position)
    expect(run.next({ kind: 'waited' }, session)).toEqual({ kind: 'read-last' })
    const look = run.next({ kind: 'last', last: branch }, session)
    expect(look).toEqual({ kind: 'next-unadopted', after: 4, before: 9, limit: 1_000 })
  })

  it.each<[string, LocalRecord | undefined]>([
    ['is gone', undefined],
    ['is another one', { ...branch, localSequence: 10 }],
    ['was followed by an open record', { ...branch, localSequence: 10, control: 'open' }],
  ])('ends when the branch %s after the wait', (_, found) => {
    const run = new RepairRun({ ...opening, last: branch })
    run.begin()
    run.next({ kind: 'waited' }, session)
    expect(run.next({ kind: 'last', last: found }, session)).toEqual({ kind: 'end', reason: 'overtaken' })
  })

  it.each<[RepairInput, string]>([
    [{ kind: 'matched', answers: undefined }, 'unavailable'],
    [{ kind: 'stop', reason: 'failed' }, 'failed'],
  ])('ends upon %j', (input, reason) => {
    const run = new RepairRun(opening)
    run.begin()
    run.next({ kind: 'probed', events: [1, 5, 7, 8, 9].map(event) }, session)
    expect(run.next(input, session)).toEqual({ kind: 'end', reason })
    expect(run.next({ kind: 'waited' }, session)).toEqual({ kind: 'end', reason })
  })

  it('ends with the session', () => {
    const run = new RepairRun(opening)
    run.begin()
    const next = run.next({ kind: 'probed', events: [] }, { ...session, reconnects: 1 })
    expect(next).toEqual({ kind: 'end', reason: 'session-changed' })
  })

  it('takes no answer to another question', () => {
    const run = new RepairRun(opening)
    run.begin()
    expect(() => run.next({ kind: 'waited' }, session)).toThrow(/while searching/)
    expect(() => run.next({ kind: 'probed', events: [] }, session)).toThrow(/another length/)
  })
})

describe('search of the last common record', () => {
  /** Searches a log of which the origin has what is in `shared`; `held`: what the local stream holds. */
  function search(held: readonly number[], answerOf: (sequence: number) => MatchAnswer) {
    const search = new CommonSearch(held.at(-1) ?? 0)
    let step = search.begin()
    let questions = 0
    while (step.kind !== 'found') {
      if (step.kind === 'match') {
        questions++
        step = search.matched(step.positions.map(({ sequence }) => answerOf(sequence)))
      } else step = search.probed(step.sequences.map((from) => firstFrom(held, from)))
    }
    return { ...step.common, questions }
  }
  const firstFrom = (held: readonly number[], from: number) => {
    const found = held.find((sequence) => sequence >= from)
    return found === undefined ? undefined : event(found)
  }

  it('finds the last of them, wherever it is, in few questions', () => {
    const logs = fc.uniqueArray(fc.integer({ min: 1, max: 100_000 }), { maxLength: 200 })
    fc.assert(
      fc.property(logs, fc.nat(100_001), fc.nat(100_001), (log, shared, first) => {
        const held = log.sort((left, right) => left - right)
        const has = (sequence: number) => (sequence > shared ? 'absent' : sequence < first ? 'expired' : 'present')
        const { position, localSequence, questions } = search(held, has)
        const expected = held.findLast((sequence) => sequence <= shared)
        if (expected !== undefined) expect([position, localSequence]).toEqual([place(expected), expected])
        else expect(localSequence).toBe(0)
        expect(questions).toBeLessThanOrEqual(6)
      }),
    )
  })

  it.each<[string, readonly number[], (sequence: number) => MatchAnswer, number, number]>([
    ['nothing is here', [], () => 'absent', 0, 0],
    ['nothing is shared', [1, 2, 3], () => 'absent', 0, 0],
    ['only what retention took here is shared', [7, 8], (at) => (at <= 6 ? 'present' : 'absent'), 6, 0],
    ['all is shared', [1, 2, 3], () => 'present', 3, 3],
    ['the origin may have had it', [1, 2, 3], (at) => (at < 3 ? 'expired' : 'absent'), 2, 2],
  ])('%s', (_, held, answerOf, sequence, localSequence) => {
    expect(search(held, answerOf)).toMatchObject({ position: { sequence }, localSequence })
  })

  it('stays exact over a log as long as there can be', () => {
    const held = { first: 3, last: Number.MAX_SAFE_INTEGER - 1 }
    const shared = 2 ** 52 + 12_345
    const run = new CommonSearch(held.last)
    let step = run.begin()
    let questions = 0
    while (step.kind !== 'found') {
      if (step.kind === 'match') {
        questions++
        step = run.matched(step.positions.map(({ sequence }) => (sequence > shared ? 'absent' : 'present')))
      } else step = run.probed(step.sequences.map((from) => event(Math.max(from, held.first))))
    }
    expect(step.common).toEqual({ position: place(shared), localSequence: shared })
    expect(questions).toBeLessThanOrEqual(11)
  })
})

describe('markerOf (rule 8)', () => {
  const here = { origin: 'us-east', duplicateWindowMs: 60_000, batchLifeMs: 10_000, skewMs: 5_000 }

  it.each([
    ['an unmarked event', undefined, { region: 'us-east', sinceMs: 125_000, untilMs: 275_000 }],
    [
      'one whose span is wider',
      { region: 'eu-west', sinceMs: 5, untilMs: 1e6 },
      { region: 'eu-west', sinceMs: 5, untilMs: 1e6 },
    ],
    [
      'one whose span is narrower',
      { region: '', sinceMs: 199_000, untilMs: 201_000 },
      { region: '', sinceMs: 125_000, untilMs: 275_000 },
    ],
  ])('widens the span of %s', (_, mark, expected) => {
    const marker = markerOf({ messageId: 'x', localSequence: 3, recordedMs: 200_000, mark }, here)
    expect(marker).toEqual({ kind: 'marker', messageId: 'x', localSequence: 3, mark: expected })
  })

  it('never begins before the first time', () => {
    const { mark } = markerOf({ messageId: 'x', localSequence: 3, recordedMs: 1, mark: undefined }, here)
    expect(mark.sinceMs).toBe(0)
  })
})
