import { describe, expect, it } from 'vitest'
import {
  chooseUpstream,
  mayBeatOrigin,
  NO_ROUTE,
  type RouteCandidate,
  type RouteState,
  type RouteView,
} from './route.ts'
import { type TroubleKind, withoutTrouble, withTrouble } from './route-troubles.ts'

const SECOND = 1_000_000_000n

/** The n-th record, stored in the n-th second. */
const at = (second: number) => ({ sequence: second, stamp: BigInt(second) * SECOND })

function candidate(region: string, parts: Partial<RouteCandidate> = {}): RouteCandidate {
  return { region, up: true, allowed: true, cost: 100, rttMs: 20, held: undefined, repairing: false, ...parts }
}

const origin = (parts: Partial<RouteCandidate> = {}) => candidate('a', parts)
const relay = (region: string, held: number | undefined, parts: Partial<RouteCandidate> = {}) =>
  candidate(region, { held: held === undefined ? undefined : at(held), ...parts })

function view(candidates: readonly RouteCandidate[], position = 100, nowMs = 0): RouteView {
  return { origin: 'a', candidates, position: at(position), nowMs }
}

const on = (current: string | undefined): RouteState => ({ ...NO_ROUTE, current })
const blocked = (state: RouteState, region: string, kind: TroubleKind): RouteState => {
  return { ...state, troubles: withTrouble(state.troubles, region, kind, { nowMs: 0, jitter: 1 }) }
}

describe('chooseUpstream, with nothing chosen yet', () => {
  it.each<[what: string, candidates: RouteCandidate[], upstream: string | undefined]>([
    ['nobody', [], undefined],
    ['the origin', [origin()], 'a'],
    ['the origin, before relays that hold everything', [relay('b', 100), origin({ rttMs: 400 }), relay('c', 100)], 'a'],
    [
      'the origin of unknown distance, before a near relay',
      [relay('b', 200, { rttMs: 1 }), origin({ rttMs: undefined })],
      'a',
    ],
    ['a relay while the origin is not there', [relay('b', 100), origin({ up: false })], 'b'],
    ['a relay that is much cheaper', [relay('b', 100, { cost: 10 }), origin({ cost: 1_000 })], 'b'],
    ['no relay that said nothing', [relay('b', undefined), origin({ up: false })], undefined],
    ['no relay that may not', [relay('b', 100, { allowed: false }), origin({ up: false })], undefined],
    ['no relay that repairs', [relay('b', 100, { repairing: true }), origin({ up: false })], undefined],
    ['the relay that is furthest', [relay('b', 110), relay('c', 130), relay('d', 120), origin({ up: false })], 'c'],
    [
      'the cheaper one of relays that are as far',
      [relay('b', 110), relay('c', 110, { cost: 50 }), origin({ up: false })],
      'c',
    ],
    [
      'the nearer one of relays that are as far',
      [relay('b', 110, { rttMs: 90 }), relay('c', 110), origin({ up: false })],
      'c',
    ],
    [
      'a relay with something new before a cheaper one without',
      [relay('b', 100, { cost: 0 }), relay('c', 101), origin({ up: false })],
      'c',
    ],
    ['a relay that is behind us, if there is no other', [relay('b', 50), origin({ up: false })], 'b'],
    [
      'any other before a relay that is behind us',
      [relay('b', 99, { cost: 0 }), relay('c', 100, { cost: 5_000 })],
      'c',
    ],
    ['by name among equals', [relay('c', 110), relay('b', 110)], 'b'],
  ])('takes %s', (_, candidates, upstream) => {
    const choice = chooseUpstream(NO_ROUTE, view(candidates))
    expect(choice.upstream).toBe(upstream)
    expect(choice.state.current).toBe(upstream)
  })

  /** Two regions that began over each other, before the origin was there, were cut off from it for seconds later. */
  it('leaves a relay alone that does not hear the origin, but only while the origin itself can be asked', () => {
    const state = blocked(NO_ROUTE, 'b', 'stale')
    expect(chooseUpstream(state, view([relay('b', 110), origin()], 100, 1)).upstream).toBe('a')
    expect(chooseUpstream(state, view([relay('b', 110, { cost: 0 }), origin({ cost: 1_000 })], 100, 1)).upstream).toBe(
      'a',
    )
    expect(chooseUpstream(state, view([relay('b', 110), origin({ up: false })], 100, 1)).upstream).toBe('b')
    const both = blocked(state, 'a', 'unavailable')
    expect(chooseUpstream(both, view([relay('b', 110), origin()], 100, 1)).upstream).toBe('b')
  })

  /** Relays that pulled from each other held the same, and stayed: what only a region behind them lacked never came. */
  it('leaves a relay that does not hear the origin for one that may, whatever they hold, and asks it again later', () => {
    const candidates = [relay('b', 110, { cost: 0 }), relay('c', 90), origin({ up: false })]
    const first = chooseUpstream(blocked(on('b'), 'b', 'stale'), view(candidates, 100, 1))
    expect(first).toMatchObject({ upstream: 'b', againMs: 1_501 })
    const moved = chooseUpstream(first.state, view(candidates, 100, 1_501))
    expect(moved).toMatchObject({ upstream: 'c', againMs: 10_000 })
    const neither = chooseUpstream(blocked(moved.state, 'c', 'stale'), view(candidates, 100, 2_000))
    expect(neither.state.challenger).toEqual({ region: 'b', sinceMs: 2_000 })
    const later = chooseUpstream(moved.state, view(candidates, 100, 10_000))
    expect(later.state.challenger).toEqual({ region: 'b', sinceMs: 10_000 })
  })

  it.each<[kind: TroubleKind, count: number, waitMs: number]>([
    ['unavailable', 1, 20],
    ['unavailable', 10, 1_000],
    ['cannot-tell', 2, 400],
    ['refused', 9, 5_000],
    ['gap', 3, 4_000],
    ['stalled', 1, 1_000],
    ['lost', 5, 0],
  ])('leaves one alone after trouble: %s, %i times', (kind, count, waitMs) => {
    let state = NO_ROUTE
    for (let time = 0; time < count; time += 1) state = blocked(state, 'a', kind)
    const wait = Math.round(chooseUpstream(state, view([origin()])).againMs ?? 0)
    expect(wait).toBe(waitMs)
    expect(chooseUpstream(state, view([origin()], 100, waitMs)).upstream).toBe('a')
    const other = kind === 'refused' ? undefined : waitMs === 0 ? 'a' : 'b'
    const choice = chooseUpstream(state, view([origin(), relay('b', 100)]))
    expect(choice.upstream).toBe(other)
    // A relay in between does not make us forget to come back.
    if (waitMs > 0) expect(Math.round(choice.againMs ?? 0)).toBe(waitMs)
  })
})

describe('chooseUpstream, with one chosen', () => {
  it.each<[what: string, candidates: RouteCandidate[]]>([
    ['went down', [origin({ up: false }), relay('b', 100)]],
    ['is no longer known', [relay('b', 100)]],
  ])('moves at once when the current one %s', (_, candidates) => {
    expect(chooseUpstream(on('a'), view(candidates)).upstream).toBe('b')
  })

  it.each<[what: string, candidates: RouteCandidate[], current: string]>([
    ['a relay whose holdings are asked for no more', [relay('b', undefined), origin({ up: false })], 'b'],
    ['a relay that is as good as another', [relay('b', 100), relay('c', 100), origin({ up: false })], 'c'],
    ['a relay that is a little dearer', [relay('b', 100, { cost: 90 }), relay('c', 100), origin({ up: false })], 'c'],
    [
      'a relay that is a little behind',
      [relay('b', 120), { ...relay('c', 120), held: { sequence: 119, stamp: at(120).stamp } }],
      'c',
    ],
    ['one whose word is older than what it sent', [relay('b', 100), relay('c', 90), origin({ up: false })], 'c'],
  ])('stays with %s', (_, candidates, current) => {
    const late = view(candidates, 100, 60_000)
    expect(chooseUpstream(on(current), late)).toMatchObject({ upstream: current, state: { challenger: undefined } })
  })

  it('moves back to the origin after it was better for a while', () => {
    const both = [origin(), relay('b', 100)]
    const first = chooseUpstream(on('b'), view(both, 100, 1_000))
    expect(first).toMatchObject({
      upstream: 'b',
      againMs: 2_500,
      state: { challenger: { region: 'a', sinceMs: 1_000 } },
    })
    expect(chooseUpstream(first.state, view(both, 100, 2_499)).upstream).toBe('b')
    expect(chooseUpstream(first.state, view(both, 100, 2_500))).toMatchObject({
      upstream: 'a',
      state: { current: 'a', challenger: undefined },
    })
  })

  it('begins to count again when the better one was not better for a moment', () => {
    const first = chooseUpstream(on('b'), view([origin(), relay('b', 100)], 100, 0))
    const second = chooseUpstream(first.state, view([origin({ up: false }), relay('b', 100)], 100, 1_000))
    const third = chooseUpstream(second.state, view([origin(), relay('b', 100)], 100, 2_000))
    expect(third).toMatchObject({ upstream: 'b', againMs: 3_500 })
  })

  it('leaves a relay that has nothing new for one that has', () => {
    const relays = [relay('b', 100), relay('c', 101, { cost: 300 }), origin({ up: false })]
    const first = chooseUpstream(on('b'), view(relays, 100, 0))
    expect(chooseUpstream(first.state, view(relays, 100, first.againMs)).upstream).toBe('c')
  })

  it('waits longer each time for an origin whose link keeps going down', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7].map((losses) => {
      let state = on('b')
      for (let time = 0; time < losses; time += 1) state = blocked(state, 'a', 'lost')
      const choice = chooseUpstream(state, view([origin(), relay('b', 100)], 100, 1))
      return (choice.againMs ?? 0) - 1
    })
    expect(waits).toEqual([3_000, 6_000, 12_000, 24_000, 48_000, 60_000, 60_000])
  })

  it('leaves a relay when the origin refuses this region the topic', () => {
    const state = blocked(on('b'), 'a', 'refused')
    expect(chooseUpstream(state, view([origin(), relay('b', 100)], 100, 30_000)).upstream).toBe('a')
    expect(chooseUpstream(state, view([origin({ up: false }), relay('b', 100)], 100, 30_000)).upstream).toBeUndefined()
    expect(chooseUpstream(state, view([origin({ up: false }), relay('b', 100)], 100, 70_000)).upstream).toBe('b')
  })

  it('takes an origin whose link came back at once when there is no other', () => {
    expect(chooseUpstream(blocked(on(undefined), 'a', 'lost'), view([origin()], 100, 1)).upstream).toBe('a')
  })

  it('does not swing between two relays that serve the same live events', () => {
    let state = on('b')
    for (let step = 1; step < 400; step += 1) {
      // Both say every 250 ms what they hold, at other moments; we are never behind what they said last.
      const relays = [
        relay('b', 100 + step - (step % 3)),
        relay('c', 100 + step - ((step + 1) % 3)),
        origin({ up: false }),
      ]
      const choice = chooseUpstream(state, view(relays, 100 + step, step * 100))
      expect(choice.upstream).toBe('b')
      state = choice.state
    }
  })
})

describe('troubles', () => {
  it('are forgotten by good service, losses aside', () => {
    const state = blocked(NO_ROUTE, 'a', 'cannot-tell')
    expect(withoutTrouble(state.troubles, 'a').has('a')).toBe(false)
    const lost = withoutTrouble(blocked(blocked(NO_ROUTE, 'a', 'lost'), 'a', 'stalled').troubles, 'a')
    expect(lost.get('a')).toMatchObject({ kind: 'lost', losses: 1, count: 0 })
    expect(withoutTrouble(lost, 'a')).toBe(lost)
  })

  it('are forgotten after a minute', () => {
    const troubles = blocked(blocked(NO_ROUTE, 'a', 'cannot-tell'), 'a', 'cannot-tell').troubles
    expect(withTrouble(troubles, 'a', 'cannot-tell', { nowMs: 70_000, jitter: 0 }).get('a')?.count).toBe(1)
    expect(withTrouble(troubles, 'a', 'cannot-tell', { nowMs: 50_000, jitter: 0 }).get('a')?.count).toBe(3)
  })
})

describe('mayBeatOrigin', () => {
  it.each([
    [100, 100, false],
    [100, 80, false],
    [224, 200, false],
    [225, 200, true],
    [1_000, 100, true],
  ])('origin %i, relay %i: %s', (originCost, relayCost, expected) => {
    expect(mayBeatOrigin(originCost, relayCost)).toBe(expected)
  })
})
