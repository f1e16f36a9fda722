import { quote } from '../names.ts'
import { fail, type Result, succeed } from '../result.ts'

const MS_OF_UNIT: ReadonlyMap<string, number> = new Map([
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
])

const BYTES_OF_UNIT: ReadonlyMap<string, number> = new Map([
  ['TiB', 1024 ** 4],
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
  ['TB', 1000 ** 4],
  ['GB', 1000 ** 3],
  ['MB', 1000 ** 2],
  ['kB', 1000],
  ['Ti', 1024 ** 4],
  ['Gi', 1024 ** 3],
  ['Mi', 1024 ** 2],
  ['Ki', 1024],
  ['B', 1],
])

const DURATION_PATTERN = /^(?:[0-9]{1,15}(?:ms|[wdhms]))+$/
const DURATION_PART = /([0-9]+)(ms|[wdhms])/g
const BYTES_PATTERN = /^([0-9]{1,15}) ?([kKMGT]i?B?|B)$/
const TEXT_LENGTH_MAX = 40

/** Reads "7d", "36h", "1h30m", "500ms" (w, d, h, m, s, ms) as milliseconds. */
export function parseDuration(text: string): Result<number> {
  const wrong = fail('invalid_argument', `duration: is ${quote(text)}, wanted a number with w, d, h, m, s or ms: "36h"`)
  if (text.length > TEXT_LENGTH_MAX || !DURATION_PATTERN.test(text)) return wrong
  let ms = 0
  for (const [, amount = '', unit = ''] of text.matchAll(DURATION_PART)) {
    ms += Number(amount) * (MS_OF_UNIT.get(unit) ?? Number.NaN)
  }
  return Number.isSafeInteger(ms) ? succeed(ms) : wrong
}

/** Milliseconds in the largest unit that is exact and at most a day: "7d", "90s". */
export function formatDuration(ms: number): string {
  for (const [unit, size] of MS_OF_UNIT) if (unit !== 'w' && ms >= size && ms % size === 0) return `${ms / size}${unit}`
  return `${ms}ms`
}

/** Reads "10GiB", "1MiB", "500kB", "512Mi", "100B" as bytes. */
export function parseBytes(text: string): Result<number> {
  const wrong = fail(
    'invalid_argument',
    `size: is ${quote(text)}, wanted a number with B, KiB, MiB, GiB or TiB: "10GiB"`,
  )
  const [, amount = '', unit = ''] = BYTES_PATTERN.exec(text) ?? []
  const bytes = Number(amount) * (BYTES_OF_UNIT.get(unit) ?? Number.NaN)
  return Number.isSafeInteger(bytes) ? succeed(bytes) : wrong
}

/** Bytes in the largest binary unit that is exact: "10GiB", "1500B". */
export function formatBytes(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB']) {
    const size = BYTES_OF_UNIT.get(unit) ?? 1
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`
  }
  return `${bytes}B`
}
