import { expect, it } from 'vitest'
import { GapMeter } from './gap.ts'

it('measures from the last acknowledgement, or from the send that ended a rest', () => {
  const meter = new GapMeter()
  meter.sent(0)
  meter.acknowledged(10)
  meter.sent(5_000)
  meter.sent(5_010)
  meter.acknowledged(5_020)
  meter.acknowledged(5_100)
  expect(meter.worstMs).toBe(80)
  meter.sent(6_000)
  meter.acknowledged(7_000)
  expect(meter.worstMs).toBe(1_000)
})

// A minute without an acknowledgement was once told as 20 s: every call was given up after 20 s, and the next began anew.
it('goes on through what is given up, also when nothing is under way in between', () => {
  const meter = new GapMeter()
  for (let atMs = 0; atMs < 60_000; atMs += 20_000) {
    meter.sent(atMs)
    meter.failed(atMs + 20_000)
  }
  expect(meter.worstMs).toBe(60_000)
  meter.sent(60_100)
  meter.acknowledged(61_000)
  expect(meter.worstMs).toBe(61_000)
  meter.sent(70_000)
  meter.acknowledged(70_010)
  expect(meter.worstMs).toBe(61_000)
})
