import { describe, expect, it } from 'vitest'
import { type PullMark, type PullProgress, type PullVerdict, watchPull } from './pull-watch.ts'

const START: PullProgress = { open: true, received: 10, applied: 10, acts: 0, unsent: 5, signs: 0 }

/** Looks once a second; returns at which look the verdict was another one than "fine". */
function firstVerdict(look: (second: number) => Partial<PullProgress>): readonly [number, PullVerdict] | undefined {
  let mark: PullMark | undefined
  for (let second = 0; second < 400; second += 1) {
    const seen = watchPull(mark, { ...START, ...look(second) }, second * 1_000)
    mark = seen.mark
    if (seen.verdict !== 'fine') return [second, seen.verdict]
  }
  return undefined
}

describe('watchPull', () => {
  it.each<
    [what: string, look: (second: number) => Partial<PullProgress>, verdict: readonly [number, PullVerdict] | undefined]
  >([
    ['an upstream that says "more" and sends nothing', (second) => ({ signs: second }), [8, 'upstream-stalled']],
    ['one that does not even answer', (second) => ({ open: false, unsent: 0, signs: second }), [8, 'upstream-stalled']],
    ['a link over which nothing of ours comes', () => ({}), [300, 'upstream-stalled']],
    ['signs that came all at once', (second) => ({ signs: second < 60 ? 0 : 60 }), [300, 'upstream-stalled']],
    [
      'a slow trickle',
      (second) => ({ received: 10 + Math.floor(second / 7), applied: 10 + Math.floor(second / 7), signs: second }),
      undefined,
    ],
    ['an origin with nothing new', (second) => ({ unsent: 0, signs: second }), undefined],
    ['an applier that stands still', (second) => ({ received: 20, signs: second }), [30, 'applier-stalled']],
    [
      'an applier that stands still at the end',
      (second) => ({ received: 20, unsent: 0, signs: second }),
      [30, 'applier-stalled'],
    ],
    [
      'a slow applier',
      (second) => ({ received: 100, applied: 10 + Math.floor(second / 20), signs: second }),
      undefined,
    ],
    ['a long repair', (second) => ({ acts: Math.floor(second / 5), signs: second }), undefined],
  ])('%s', (_, look, verdict) => {
    expect(firstVerdict(look)).toEqual(verdict)
  })
})
