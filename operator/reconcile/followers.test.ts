import { expect, test } from 'vitest'
import { Followers } from './followers.ts'

test('one report when the gateways follow in time, else one that says that they do not', () => {
  const followers = new Followers()
  expect(followers.look('a', 5, { following: 1, all: 2 }, 0)).toEqual({ kind: 'wait', forMs: 2_000 })
  expect(followers.look('a', 5, { following: 1, all: 2 }, 1_500)).toEqual({ kind: 'wait', forMs: 500 })
  expect(followers.look('a', 5, { following: 2, all: 2 }, 1_600)).toEqual({ kind: 'report', againAfterMs: undefined })
  expect(followers.look('a', 6, { following: 1, all: 2 }, 3_000)).toEqual({ kind: 'wait', forMs: 2_000 })
  expect(followers.look('a', 6, { following: 1, all: 2 }, 5_000)).toEqual({ kind: 'report', againAfterMs: 15_000 })
  expect(followers.look('a', 7, { following: 1, all: 2 }, 5_001)).toEqual({ kind: 'wait', forMs: 2_000 })
})

test('without gateways nothing waits, and the first that comes brings the resource back', () => {
  const followers = new Followers()
  expect(followers.look('a', 5, { following: 0, all: 0 }, 0)).toEqual({ kind: 'report', againAfterMs: undefined })
  expect(followers.look('b', 9, undefined, 0)).toEqual({ kind: 'report', againAfterMs: undefined })
  expect(followers.moved((revision) => ({ following: revision <= 5 ? 1 : 0, all: 1 }))).toEqual(['a', 'b'])
  followers.forget('a')
  expect(followers.moved(() => ({ following: 0, all: 1 }))).toEqual(['b'])
  expect(followers.moved(() => ({ following: 1, all: 1 }))).toEqual(['b'])
})
