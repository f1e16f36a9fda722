import { expect, test } from 'vitest'

import { parseCpuMs, processCpuMs } from './process-time.ts'

test('utime and stime, whatever the process is called', () => {
  const numbers = '1 1 1 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 11 0 9000'
  expect(parseCpuMs(`42 (node) S ${numbers}`)).toBe(3_000)
  expect(parseCpuMs(`42 (a) b (c) S ${numbers}`)).toBe(3_000)
  expect(() => parseCpuMs('nonsense')).toThrow('wanted the format')
})

test.runIf(process.platform === 'linux')('this very process', async () => {
  expect(await processCpuMs(process.pid)).toBeGreaterThan(0)
})
