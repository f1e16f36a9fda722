import type { TopicLag } from '@landbridge/client'
import { expect, test } from 'vitest'
import { ProgressMeter } from './progress-meter.ts'

const publisher = { acknowledged: [], publishedTo: 'us-east' }
const lagOf = (origin: string, events: number, known = true) =>
  ({ origin, events, seconds: events / 10, known }) as TopicLag

function behind(lag: readonly TopicLag[], down: readonly string[] = []): number | undefined {
  const meter = new ProgressMeter('us-east')
  meter.lag = lag
  return meter.progress(publisher, { delivered: 0 }, new Set(down)).lagEvents
}

// A region that came back showed a lag of a few events while it had not heard from one of the others yet.
test('behind is a number only when it is known for every origin that is up', () => {
  expect(behind([lagOf('eu-west', 5), lagOf('ap-south', 7)])).toBe(12)
  expect(behind([lagOf('eu-west', 5), lagOf('ap-south', 0, false)])).toBeUndefined()
  expect(behind([lagOf('eu-west', 5), lagOf('ap-south', 0, false)], ['ap-south'])).toBe(5)
  expect(behind([lagOf('ap-south', 0, false)], ['ap-south'])).toBeUndefined()
  expect(behind([])).toBeUndefined()
})
