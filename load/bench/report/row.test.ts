import { describe, expect, test } from 'vitest'

import { toRow } from './row.ts'

describe('toRow', () => {
  test('a rate that reaches its goal', () => {
    const row = toRow({
      name: 'publish',
      unit: 'events/s',
      rounds: [70_000, 60_000, 80_000],
      against: { name: 'js.publish', rounds: [20_000, 21_000, 19_000] },
      goal: { kind: 'at-least', times: 3 },
    })
    expect(row).toEqual({
      name: 'publish',
      value: 70_000,
      unit: 'events/s',
      spread: [60_000, 80_000],
      against: { name: 'js.publish', value: 20_000, spread: [19_000, 21_000] },
      ratio: 3.5,
      goal: '>= 3x',
      met: true,
    })
  })

  test('a rate with a limit of its own is judged by that', () => {
    const judge = (value: number) =>
      toRow({ name: 'ready', unit: 'topics/s', rounds: [value], goal: { kind: 'no-less', limit: 200 } })
    expect(judge(200)).toMatchObject({ goal: '>= 200 topics/s', met: true })
    expect(judge(199)).toMatchObject({ met: false })
  })

  test('a latency is judged by its distance, not by its ratio', () => {
    const judge = (value: number) =>
      toRow({
        name: 'p50',
        unit: 'ms',
        rounds: [value],
        against: { name: 'js.publish', rounds: [0.5] },
        goal: { kind: 'at-most-over', over: 1.5 },
      })
    expect(judge(2)).toMatchObject({ goal: '<= +1.5 ms', met: true, ratio: 4 })
    expect(judge(2.01)).toMatchObject({ met: false })
  })

  test('nothing to compare with', () => {
    expect(toRow({ name: 'cpu', unit: 'us/event', rounds: [9] })).toMatchObject({
      against: null,
      ratio: null,
      goal: null,
      met: null,
    })
    expect(() => toRow({ name: 'cpu', unit: 'us', rounds: [9], goal: { kind: 'at-least', times: 1 } })).toThrow(
      'without a reference',
    )
  })

  test('a limit of its own needs no reference', () => {
    const judge = (rounds: number[]) =>
      toRow({ name: 'gap', unit: 'ms', rounds, goal: { kind: 'at-most', limit: 2_000 }, stands: 'highest' })
    expect(judge([100, 2_000, 300])).toMatchObject({
      value: 2_000,
      goal: '<= 2000 ms',
      met: true,
      spread: [100, 2_000],
    })
    expect(judge([100, 2_001])).toMatchObject({ met: false })
  })

  test('a reference of zero has no ratio', () => {
    expect(toRow({ name: 'x', unit: 'ms', rounds: [1], against: { name: 'y', rounds: [0] } }).ratio).toBeNull()
  })
})
