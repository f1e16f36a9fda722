import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatBytes, formatDuration, parseBytes, parseDuration } from './index.ts'

describe('durations', () => {
  it.each([
    ['7d', 604_800_000],
    ['36h', 129_600_000],
    ['1h30m', 5_400_000],
    ['2w', 1_209_600_000],
    ['90s', 90_000],
    ['250ms', 250],
    ['0s', 0],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text).value).toBe(ms)
  })

  it.each(['', '7', 'd', '1.5h', '-1h', '1 h', '1y', '1H', '999999999w'.repeat(3), '7d '])('refuses %j', (text) => {
    expect(parseDuration(text).error?.code).toBe('invalid_argument')
  })

  it('reads what it wrote', () => {
    fc.assert(
      fc.property(fc.nat({ max: 999_999_999_999 }), (ms) => {
        expect(parseDuration(formatDuration(ms)).value).toBe(ms)
      }),
    )
  })
})

describe('sizes', () => {
  it.each([
    ['10GiB', 10 * 1024 ** 3],
    ['1MiB', 1024 ** 2],
    ['512Mi', 512 * 1024 ** 2],
    ['2KiB', 2048],
    ['3kB', 3000],
    ['4 MB', 4_000_000],
    ['100B', 100],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseBytes(text).value).toBe(bytes)
  })

  it.each(['', '10', 'GiB', '1.5GiB', '-1B', '1KB', '1k', '999999999999999TiB', '1MiBB'])('refuses %j', (text) => {
    expect(parseBytes(text).error?.code).toBe('invalid_argument')
  })

  it('reads what it wrote', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        if (bytes < 1e15) expect(parseBytes(formatBytes(bytes)).value).toBe(bytes)
      }),
    )
  })
})
