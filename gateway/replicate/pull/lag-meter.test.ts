import type { Position } from '@landbridge/core'
import { describe, expect, test } from 'vitest'
import { carriedOver, type HeadReport, LagMeter } from './lag-meter.ts'

const at = (sequence: number, ms = 0) => ({ sequence, stamp: BigInt(ms) * 1_000_000n })

const report = (head: Position, unsent: number, timeMs?: number, stale = false): HeadReport => {
  return { head, unsent, stale, timeMs }
}

describe('LagMeter', () => {
  test('is zero when everything reported is applied', () => {
    const lag = new LagMeter(at(10))
    lag.onHead(report(at(10), 0), 1_000)
    expect(lag.read(undefined, 5_000, 5_000)).toEqual({
      events: 0,
      seconds: 0,
      appliedSequence: 10,
      headSequence: 10,
      stale: false,
      watermarkMs: undefined,
    })
  })

  test('counts what is on the way and what waits here', () => {
    const lag = new LagMeter(at(10))
    lag.onHead(report(at(30), 20), 1_000)
    expect(lag.read(undefined, 3_500, 3_500)).toMatchObject({ events: 20, seconds: 2.5 })
    lag.onReceived(5, at(15))
    expect(lag.read(at(11, 500).stamp, 3_500, 3_500)).toMatchObject({ events: 20, seconds: 3 })
    lag.onApplied(5, at(15))
    expect(lag.read(undefined, 3_500, 3_500)).toMatchObject({ events: 15, appliedSequence: 15, headSequence: 30 })
  })

  test('records beyond the last report move the head', () => {
    const lag = new LagMeter(at(10))
    lag.onHead(report(at(10), 0), 1_000)
    lag.onReceived(2, at(12))
    expect(lag.read(at(11, 1_000).stamp, 1_250, 9_000)).toMatchObject({ events: 2, seconds: 0.25, headSequence: 12 })
    lag.onApplied(2, at(12))
    expect(lag.read(undefined, 1_250, 9_000)).toMatchObject({ events: 0, seconds: 0 })
  })

  test('an estimate that was too high is corrected by the next report', () => {
    const lag = new LagMeter(at(0))
    lag.onHead(report(at(100), 100), 1_000)
    lag.onReceived(40, at(100))
    lag.onApplied(40, at(100))
    expect(lag.read(undefined, 2_000, 2_000).events).toBe(60)
    lag.onHead(report(at(100), 0), 2_000)
    expect(lag.read(undefined, 2_000, 2_000)).toMatchObject({ events: 0, seconds: 0 })
  })

  test('a clock that is behind the origin never shows a negative age', () => {
    const lag = new LagMeter(at(0))
    lag.onReceived(1, at(1))
    expect(lag.read(at(1, 2_000).stamp, 1_000, 1_000).seconds).toBe(0)
  })

  test('the watermark is the last record applied, or the time of a head that is applied', () => {
    const lag = new LagMeter(at(10, 1_000))
    const watermark = () => lag.read(undefined, 0, 0).watermarkMs
    expect(watermark()).toBe(1_000)
    lag.onHead(report(at(12, 1_500), 2, 2_000), 2_000)
    lag.onReceived(2, at(12, 1_500))
    expect(watermark()).toBe(1_000)
    lag.onApplied(1, at(11, 1_400))
    expect(watermark()).toBe(1_400)
    lag.onApplied(1, at(12, 1_500))
    expect(watermark()).toBe(2_000)
    lag.onHead(report(at(12, 1_500), 0, 9_000), 9_000)
    expect(watermark()).toBe(9_000)
    lag.onHead(report(at(12, 1_500), 0, 8_000), 9_500)
    expect(watermark()).toBe(9_000)
  })

  test('a head that lies behind records that were not for us counts, too', () => {
    const lag = new LagMeter(at(10, 1_000))
    lag.onHead(report(at(50, 1_500), 0, 2_000), 2_000)
    expect(lag.read(undefined, 0, 0)).toMatchObject({ events: 0, watermarkMs: 2_000 })
  })

  test('tells that the upstream does not hear the origin', () => {
    const lag = new LagMeter(at(10))
    lag.onHead(report(at(10), 0, undefined, true), 1_000)
    expect(lag.read(undefined, 0, 0).stale).toBe(true)
    lag.onHead(report(at(10), 0), 1_000)
    expect(lag.read(undefined, 0, 0).stale).toBe(false)
  })

  // Two regions pulled a dead origin from each other, and each told the other that all was well.
  test('an upstream that says nothing new for long does not hear the origin', () => {
    const lag = new LagMeter(at(10))
    const isStale = (nowMs: number) => [lag.read(undefined, 0, nowMs).stale, lag.report(nowMs)?.stale]
    lag.onHead(report(at(10), 0, 500), 1_000)
    expect(isStale(26_000)).toEqual([false, false])
    lag.onHead(report(at(10), 0, 500), 20_000)
    expect(isStale(26_001)).toEqual([true, true])
    lag.onHead(report(at(10), 0, 600), 30_000)
    expect(isStale(55_000)).toEqual([false, false])
    lag.onHead(report(at(11), 1), 50_000)
    lag.onReceived(1, at(11))
    expect(isStale(75_000)).toEqual([false, false])
    lag.onHead(report(at(11), 0), 74_000)
    expect(isStale(99_000)).toEqual([false, false])
    expect(isStale(99_001)).toEqual([true, true])
  })
})

test('a watermark does not go back with a new run, unless what was applied did', () => {
  const reading = (appliedSequence: number, watermarkMs: number | undefined) => {
    return { ...new LagMeter(at(0)).read(undefined, 0, 0), appliedSequence, watermarkMs }
  }
  expect(carriedOver(reading(5, 900), reading(5, 800)).watermarkMs).toBe(900)
  expect(carriedOver(reading(5, 900), reading(5, undefined)).watermarkMs).toBe(900)
  expect(carriedOver(reading(5, 900), reading(6, 1_000)).watermarkMs).toBe(1_000)
  expect(carriedOver(reading(5, 900), reading(4, 800)).watermarkMs).toBe(800)
})
