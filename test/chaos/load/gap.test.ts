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
  meter.failed(7_000)
  expect(meter.worstMs).toBe(1_000)
  meter.sent(7_100)
  meter.sent(7_900)
  meter.acknowledged(9_000)
  expect(meter.worstMs).toBe(1_900)
})
