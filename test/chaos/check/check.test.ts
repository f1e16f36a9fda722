import { describe, expect, it } from 'vitest'
import { History } from '../history/history.ts'
import { StreamLog } from '../history/stream-log.ts'
import { check } from './check.ts'
import type { Wipe } from './wipe.ts'

const regions = ['a', 'b', 'c']
const [A, B, C] = [0, 1, 2]

type Place = { readonly number: number; readonly origin?: number; readonly sequence?: number; readonly stamp?: bigint }

type WorldOptions = {
  readonly durability?: 'local' | 'quorum'
  readonly holders?: number
  readonly batched?: boolean
  /** Events that are acknowledged. Default 6. */
  readonly events?: number
}

/** A world in which one publisher at `a` has had events 1 to 6 acknowledged by `a`, a second apart, two keys in turn. */
function world(options: WorldOptions = {}) {
  const topic = { name: 't/t', durability: options.durability ?? 'local', regions }
  const history = new History(regions, [topic], [{ source: 'p', topic: 't/t', home: 'a', batched: options.batched }])
  const [publisher] = history.publishers
  if (publisher === undefined) throw new Error('there is no publisher')
  for (let number = 1; number <= (options.events ?? 6); number++) {
    publisher.begin(number % 2, number * 1_000)
    publisher.acknowledged(number, {
      region: A,
      holders: options.holders ?? 1 << A,
      degraded: false,
      atMs: number * 1_000 + 10,
    })
  }
  return { history, publisher }
}

const inOrder: readonly Place[] = [1, 2, 3, 4, 5, 6].map((number) => ({ number }))

/** A stream that holds these; sequence and stamp follow from the number unless they are given. */
function stream(region: number, places: readonly Place[]): StreamLog {
  const log = new StreamLog(region, 't/t')
  for (const { number, origin = A, sequence = number, stamp = BigInt(sequence) } of places) {
    log.push({ publisher: 0, number, origin, sequence, stamp })
  }
  return log
}

function judge(
  history: History,
  [a = inOrder, b = inOrder, c = inOrder]: readonly (readonly Place[])[] = [],
  wipes: readonly Wipe[] = [],
) {
  const { counts, excused, total } = check({ history, streams: [stream(A, a), stream(B, b), stream(C, c)], wipes })
  return {
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    total,
    excused: excused.events,
  }
}

const without = (...numbers: readonly number[]) => inOrder.filter(({ number }) => !numbers.includes(number))

describe('check', () => {
  it('finds nothing wrong with equal streams', () => {
    expect(judge(world().history)).toEqual({ total: 0, excused: 0 })
  })

  it('catches a planted loss: in one region, and everywhere', () => {
    expect(judge(world().history, [inOrder, without(3), inOrder])).toEqual({ missing: 1, total: 1, excused: 0 })
    expect(judge(world().history, [without(3), without(3), without(3)])).toEqual({ lost: 1, total: 1, excused: 0 })
  })

  it('catches a planted duplicate', () => {
    const again = [...inOrder, { number: 2, sequence: 7 }]
    // Behind its successors it is misplaced, too.
    expect(judge(world().history, [again, inOrder, inOrder])).toMatchObject({ duplicate: 1, keyOrder: 1, total: 2 })
    expect(judge(world().history, [inOrder, [...inOrder, { number: 2, origin: B, sequence: 1 }]])).toMatchObject({
      duplicate: 1,
    })
  })

  it('catches a planted reordering between regions, of one key and of two', () => {
    const swapped = [1, 2, 4, 3, 5, 6].map((number) => ({ number }))
    expect(judge(world().history, [inOrder, swapped])).toEqual({ order: 1, total: 1, excused: 0 })
  })

  it('catches a planted reordering of a key that the origin itself stored', () => {
    const wrong = [1, 2, 5, 4, 3, 6].map((number, index) => ({ number, sequence: index + 1 }))
    expect(judge(world().history, [wrong, wrong, wrong])).toEqual({ keyOrder: 3, total: 3, excused: 0 })
  })

  it('does not judge the order of what another region acknowledged, or of a dead branch', () => {
    const { history, publisher } = world()
    publisher.acknowledged(3, { region: B, holders: 1 << B, degraded: false, atMs: 4_000 })
    const late = [1, 2, 5, 4, 3, 6].map((number, index) => ({ number, sequence: index + 1 }))
    expect(judge(history, [late, late, late])).toMatchObject({ total: 0 })
    // `b` has numbers 3 and 4 from before `a` lost them; in `a` they are what `b` gave back, behind 5 and 6.
    const given = [1, 2, 5, 6, 3, 4].map((number, index) =>
      number === 3 || number === 4
        ? { number, origin: B, sequence: number }
        : { number, sequence: index + 1, stamp: 9n },
    )
    const dead = [1, 2, 3, 4, 5, 6].map((number) =>
      number > 4 ? { number, sequence: number - 2, stamp: 9n } : { number },
    )
    expect(judge(world().history, [given, dead, given])).toMatchObject({ total: 0 })
  })

  it('does not judge the order of what was acknowledged as a copy and given back later', () => {
    // `b` stored number 3 and lost it. `a` had got it from `b` and acknowledged it so; behind number 5 it gave it back.
    const there = [1, 2, 3, 4, 5, 6].map((number) => (number === 3 ? { number, origin: B, sequence: 1 } : { number }))
    const back = [1, 2, 4, 5, 3, 6].map((number) => (number === 3 ? { number, sequence: 9 } : { number }))
    expect(judge(world().history, [there, back, back])).toMatchObject({ total: 0 })
    const own = [1, 2, 4, 5, 3, 6].map((number, index) => ({ number, sequence: index + 1 }))
    expect(judge(world().history, [own, own, own])).toMatchObject({ keyOrder: 3 })
  })

  it('catches differences in what nobody acknowledged, and refusals that were none', () => {
    const { history, publisher } = world()
    publisher.begin(1, 8_000)
    publisher.failed(7, true, 9_000)
    expect(judge(history)).toMatchObject({ total: 0 })
    expect(judge(history, [[...inOrder, { number: 7 }]])).toEqual({ differing: 1, total: 1, excused: 0 })
    publisher.begin(1, 8_000)
    publisher.failed(8, false, 9_000)
    const all = [...inOrder, { number: 8 }]
    expect(judge(history, [all, all, all])).toEqual({ refused: 1, total: 1, excused: 0 })
  })

  it('catches events of nobody, and quorum receipts of one region', () => {
    const { history } = world({ durability: 'quorum' })
    expect(judge(history)).toEqual({ quorum: 6, total: 6, excused: 0 })
    const log = stream(A, inOrder)
    log.stranger('x y')
    expect(check({ history: world().history, streams: [log], wipes: [] }).counts.stranger).toBe(1)
  })

  it('lets a few batches name one region, whose events have different second ones, and no more', () => {
    const planted = (narrow: number) => {
      const { history, publisher } = world({ durability: 'quorum', batched: true, holders: 3, events: 100 })
      for (let number = 1; number <= narrow; number++) {
        publisher.acknowledged(number, { region: A, holders: 1, degraded: false, atMs: 1 })
      }
      const all = Array.from({ length: 100 }, (_, index) => ({ number: index + 1 }))
      const { counts, batched } = check({ history, streams: [A, B, C].map((region) => stream(region, all)), wipes: [] })
      return { quorum: counts.quorum, batched }
    }
    expect(planted(10)).toEqual({ quorum: 0, batched: { events: 100, narrow: 10 } })
    expect(planted(11)).toEqual({ quorum: 11, batched: { events: 100, narrow: 11 } })
  })

  it('knows what stays at home: private events and secrets', () => {
    const topic = { name: 't/t', durability: 'local' as const, regions, guarded: true }
    const { publishers } = world().history
    const history = Object.assign(new History(regions, [topic], []), { publishers })
    // Number 4 is private, and `a` has it.
    expect(judge(history, [inOrder, without(4), without(4)])).toEqual({ total: 0, excused: 0 })
    expect(judge(history, [inOrder, without(4), inOrder])).toEqual({ residency: 1, total: 1, excused: 0 })
    expect(judge(history, [without(4), without(4), without(4)])).toEqual({ lost: 1, total: 1, excused: 0 })
    expect(judge(history, [inOrder, without(4), without(3, 4)])).toEqual({ missing: 1, total: 1, excused: 0 })
    // Another attempt at number 4 is in `b`, and its subscriber saw it; `a`, which acknowledged it, forgot it.
    publishers[0]?.seen(4, B, 4_020)
    const ofB = [...without(4), { number: 4, origin: B, sequence: 1 }]
    const wipes = [{ region: A, fromMs: 0, untilMs: 9_000 }]
    expect(judge(history, [without(4), ofB, without(4)], wipes)).toEqual({ total: 0, excused: 1 })
    const streams = [stream(A, without(4)), stream(B, ofB), stream(C, without(4))]
    expect(check({ history, streams, wipes }).excused).toEqual({ events: 1, quorum: 0, confined: 1, ageMs: 0 })
    expect(judge(history, [without(4), ofB, without(4)])).toEqual({ lost: 1, total: 1, excused: 0 })
    const log = stream(B, without(4))
    log.leak('x')
    expect(
      check({ history, streams: [stream(A, inOrder), log, stream(C, without(4))], wipes: [] }).counts,
    ).toMatchObject({
      residency: 1,
    })
  })

  it('knows who may hold a topic', () => {
    const topic = { name: 't/t', durability: 'local' as const, regions: ['a', 'b'] }
    const { publishers } = world().history
    const history = Object.assign(new History(regions, [topic], []), { publishers })
    expect(judge(history, [inOrder, inOrder, []])).toEqual({ total: 0, excused: 0 })
    expect(judge(history, [inOrder, inOrder, without(1, 2, 3, 4, 5)])).toEqual({ residency: 1, total: 1, excused: 0 })
  })
})

describe('check of wiped regions', () => {
  it('tells how old what is gone was, and whether a quorum had it', () => {
    const { history } = world({ durability: 'quorum', holders: 3 })
    const streams = [A, B, C].map((region) => stream(region, without(5)))
    const wipes = [wipe(A, 4_000, 6_000), wipe(B, 4_000, 6_000)]
    expect(check({ history, streams, wipes }).excused).toEqual({ events: 1, quorum: 1, confined: 0, ageMs: 990 })
  })

  // The receipt of its batch named `a` alone, so only the promise of a quorum says that another region had it.
  it('tells of what a wipe took of a batch whose receipt names one region', () => {
    const { history } = world({ durability: 'quorum', batched: true, holders: 1 })
    const streams = [A, B, C].map((region) => stream(region, without(5)))
    expect(check({ history, streams, wipes: [wipe(A, 4_000, 6_000)] }).excused).toMatchObject({ events: 1, quorum: 1 })
  })

  it('does not blame a quorum that the receipt says there was none', () => {
    const { history, publisher } = world({ durability: 'quorum' })
    publisher.acknowledged(5, { region: A, holders: 1, degraded: true, atMs: 5_010 })
    const streams = [A, B, C].map((region) => stream(region, without(5)))
    expect(check({ history, streams, wipes: [wipe(A, 4_000, 6_000)] }).excused).toMatchObject({ events: 1, quorum: 0 })
  })

  // The acknowledgement of number 5 was heard at 5,010 ms.
  const gone = [without(5), without(5), without(5)]
  const wipe = (region: number, fromMs: number, untilMs: number): Wipe => ({ region, fromMs, untilMs })

  it.each([
    ['excuses what only the wiped region held', {}, [wipe(A, 5_005, 6_000)], 1],
    ['does not excuse what was stored before the copy was taken', {}, [wipe(A, 5_020, 6_000)], 0],
    ['does not excuse what was published after the loss', {}, [wipe(A, 1_000, 4_990)], 0],
    ['does not excuse by the wipe of another region', {}, [wipe(B, 4_000, 6_000)], 0],
    ['does not excuse by the wipe of another topic', {}, [{ ...wipe(A, 4_000, 6_000), topic: 't/u' }], 0],
    ['does not excuse what the receipt says a second region held', { holders: 3 }, [wipe(A, 4_000, 6_000)], 0],
    ['excuses when every holder was wiped', { holders: 3 }, [wipe(A, 4_000, 6_000), wipe(B, 4_000, 6_000)], 1],
  ])('%s', (_, options, wipes, excused) => {
    expect(judge(world(options).history, gone, wipes)).toMatchObject({ total: 1 - excused, excused })
  })

  it('does not excuse what a subscriber elsewhere was shown', () => {
    const { history, publisher } = world()
    publisher.seen(5, C, 5_100)
    expect(judge(history, gone, [wipe(A, 5_000, 6_000)])).toMatchObject({ lost: 1, excused: 0 })
    expect(judge(history, gone, [wipe(A, 5_000, 6_000), wipe(C, 5_050, 7_000)])).toMatchObject({ excused: 1 })
    expect(judge(history, gone, [wipe(A, 5_000, 6_000), wipe(C, 5_200, 7_000)])).toMatchObject({ lost: 1 })
  })
})
