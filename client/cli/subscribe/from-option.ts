import { parseDuration } from '@landbridge/core'
import { InvalidArgumentError } from 'commander'
import type { StartFrom } from '../../index.ts'

const RFC3339 = /^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})?)?$/

/** Reads `--from`: "latest", "earliest", a time, "10m" for ten minutes ago, or a sequence. */
export function fromOption(text: string, now: number): StartFrom {
  if (text === 'latest' || text === 'earliest') return text
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(Number(text))) return { sequence: Number(text) }
  const ago = parseDuration(text).value
  if (ago !== undefined) return new Date(Math.max(0, now - ago))
  const time = RFC3339.test(text) ? new Date(text) : undefined
  if (time !== undefined && time.getTime() >= 0) return time
  throw new InvalidArgumentError(
    'Wanted latest, earliest, a time such as 2026-05-01T12:00:00Z, an age such as 10m, or a sequence.',
  )
}
