import { expect, test } from 'vitest'
import { BranchAges } from './branch-ages.ts'

const branch = { position: { sequence: 1, stamp: 1n }, localSequence: 7, localStamp: 70n, control: 'branch' } as const

test('counts from when this very branch was first seen', () => {
  let nowMs = 1_000
  const ages = new BranchAges(() => nowMs)
  const ageMs = (last: Parameters<BranchAges['ageMs']>[2]) => ages.ageMs('s', 'us-east', last)
  expect(ageMs(branch)).toBe(0)
  nowMs = 4_000
  expect([ageMs(branch), ages.ageMs('s', 'eu-west', branch), ages.ageMs('t', 'us-east', branch)]).toEqual([3_000, 0, 0])
  expect(ageMs({ ...branch, localStamp: 71n })).toBe(0)
  nowMs = 5_000
  expect(ageMs(branch)).toBe(0)
})

test('forgets a branch that is not the last record any more', () => {
  let nowMs = 0
  const ages = new BranchAges(() => nowMs)
  ages.ageMs('s', 'us-east', branch)
  nowMs = 20_000
  expect(ages.ageMs('s', 'us-east', { ...branch, control: 'open' })).toBe(0)
  expect(ages.ageMs('s', 'us-east', undefined)).toBe(0)
  expect(ages.ageMs('s', 'us-east', branch)).toBe(0)
})

test('forgets the branches of streams that are gone, and no others', () => {
  let nowMs = 0
  const ages = new BranchAges(() => nowMs)
  for (const stream of ['s', 't']) for (const origin of ['us-east', 'eu-west']) ages.ageMs(stream, origin, branch)
  ages.keepOnly(new Set(['t']))
  nowMs = 3_000
  const age = (stream: string, origin: string) => ages.ageMs(stream, origin, branch)
  expect([age('s', 'us-east'), age('s', 'eu-west'), age('t', 'us-east'), age('t', 'eu-west')]).toEqual([
    0, 0, 3_000, 3_000,
  ])
})
