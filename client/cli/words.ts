const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const

/** Milliseconds in words, rounded to the two largest units: "2 days 3 hours", "45 seconds", "less than a second". */
export function inWords(ms: number): string {
  const length = Math.abs(ms)
  if (length < 1_000) return 'less than a second'
  const largest = UNITS.findIndex(([, size]) => length >= size)
  // Rounded first, so that 59.6 minutes become an hour and not 60 minutes.
  const [, step] = UNITS[Math.min(largest + 1, UNITS.length - 1)] ?? UNITS[3]
  let rest = Math.round(length / step) * step
  const words: string[] = []
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) words.push(`${count} ${unit}${count === 1 ? '' : 's'}`)
  }
  return words.join(' ')
}

/** A moment as seen from now: "in 2 days 3 hours", "45 seconds ago". */
export function fromNow(epochMs: number, now: number): string {
  return epochMs >= now ? `in ${inWords(epochMs - now)}` : `${inWords(now - epochMs)} ago`
}

/** A count with thousands separators: "12,345". */
export function countText(count: number | bigint): string {
  return count.toLocaleString('en-US')
}

/** Bytes with three significant digits: "0 B", "1.5 KiB", "12.3 MiB". */
export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 'B'
  for (const next of ['KiB', 'MiB', 'GiB', 'TiB', 'PiB']) {
    if (value < 1024) break
    value /= 1024
    unit = next
  }
  const digits = unit === 'B' || value >= 100 ? 0 : 1
  return `${value.toFixed(digits)} ${unit}`
}

/** Seconds for a table: "0 s", "350 ms", "4.2 s", "3 minutes 5 seconds". */
export function secondsText(seconds: number): string {
  if (seconds <= 0) return '0 s'
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1_000))} ms`
  return seconds < 60 ? `${seconds.toFixed(1)} s` : inWords(seconds * 1_000)
}
