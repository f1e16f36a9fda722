import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { chanceOfLoss, LateWay } from './packet-loss.ts'

test('the more packets, the likelier one of them is lost', () => {
  expect(chanceOfLoss(1, 0.01)).toBeCloseTo(0.01)
  expect(chanceOfLoss(1_448, 0.01)).toBeCloseTo(0.01)
  expect(chanceOfLoss(1_449, 0.01)).toBeCloseTo(0.0199)
  expect(chanceOfLoss(65_536, 0.01)).toBeCloseTo(0.37, 2)
  expect(chanceOfLoss(65_536, 0)).toBe(0)
})

describe('LateWay', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('what is behind something late arrives with it, and several late things are waited for at the same time', () => {
    const way = new LateWay()
    const arrived: string[] = []
    const send = (name: string, lateMs: number) => way.send(10, lateMs, () => arrived.push(name))
    send('a', 0)
    expect(arrived).toEqual(['a'])
    send('b', 80)
    send('c', 0)
    vi.advanceTimersByTime(40)
    send('d', 80)
    send('e', 0)
    expect([arrived, way.waitingBytes]).toEqual([['a'], 40])
    vi.advanceTimersByTime(40)
    expect([arrived, way.waitingBytes]).toEqual([['a', 'b', 'c'], 20])
    vi.advanceTimersByTime(40)
    expect([arrived, way.empty]).toEqual([['a', 'b', 'c', 'd', 'e'], true])
    send('f', 0)
    expect(arrived.at(-1)).toBe('f')
  })

  test('closed, it forgets what was under way', () => {
    const way = new LateWay()
    const arrive = vi.fn()
    way.send(10, 80, arrive)
    way.close()
    vi.advanceTimersByTime(1_000)
    expect([arrive.mock.calls.length, way.waitingBytes, vi.getTimerCount()]).toEqual([0, 0, 0])
  })
})
