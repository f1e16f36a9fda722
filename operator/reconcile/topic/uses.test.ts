import { expect, test } from 'vitest'
import { type TopicUses, usesText } from './uses.ts'

const CASES: readonly (readonly [what: string, uses: Partial<TopicUses>, text: readonly string[]])[] = [
  ['nobody needs it', {}, []],
  [
    'a group that has everything',
    { groups: [{ name: 'billing', undelivered: 0 }] },
    ['group billing subscribes to it'],
  ],
  [
    'a group that waits for events',
    { groups: [{ name: 'billing', undelivered: 7 }] },
    ['group billing subscribes to it, 7 events not delivered'],
  ],
  ['a region that has all', { peers: ['ap'], lastOwn: 9, applied: new Map([['ap', 9]]) }, []],
  [
    'a region that is behind',
    { peers: ['ap'], lastOwn: 9, applied: new Map([['ap', 8]]) },
    ['region ap does not have all its events yet'],
  ],
  [
    'a region of which nobody hears',
    { peers: ['ap'], lastOwn: 9 },
    ['nobody can tell whether region ap has its events'],
  ],
  ['no event of its own', { peers: ['ap'], lastOwn: 0 }, []],
]

test.each(CASES)('%s', (_what, uses, text) => {
  expect(usesText({ groups: [], peers: [], lastOwn: 0, applied: new Map(), ...uses })).toEqual(text)
})
