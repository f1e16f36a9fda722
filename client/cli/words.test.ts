import { expect, test } from 'vitest'
import { bytesText, fromNow, inWords, secondsText } from './words.ts'

test.each([
  [0, 'less than a second'],
  [999, 'less than a second'],
  [1_000, '1 second'],
  [61_000, '1 minute 1 second'],
  [3_600_000, '1 hour'],
  [3_605_000, '1 hour'],
  [90_061_000, '1 day 1 hour'],
  [12 * 3_600_000 - 1, '12 hours'],
  [365 * 86_400_000 - 1_500, '365 days'],
  [59.6 * 60_000, '59 minutes 36 seconds'],
  [23 * 3_600_000 + 59 * 60_000 + 40_000, '1 day'],
])('%d ms are %s', (ms, text) => {
  expect(inWords(ms)).toBe(text)
})

test('moments are told from now', () => {
  expect(fromNow(120_000, 0)).toBe('in 2 minutes')
  expect(fromNow(0, 120_000)).toBe('2 minutes ago')
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [200 * 1024, '200 KiB'],
  [5 * 1024 ** 3, '5.0 GiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text)
})

test.each([
  [0, '0 s'],
  [0.0001, '1 ms'],
  [0.35, '350 ms'],
  [4.24, '4.2 s'],
  [185, '3 minutes 5 seconds'],
])('%d seconds are %s', (seconds, text) => {
  expect(secondsText(seconds)).toBe(text)
})
