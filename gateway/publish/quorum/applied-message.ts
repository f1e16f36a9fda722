import type { Position } from '@landbridge/core'

/** What a gateway tells the others of its region: how far one region is, or that it pulls no more. */
export type AppliedEntry = {
  readonly topic: string
  readonly region: string
  /** Undefined: the region does not pull the topic from that gateway any more. */
  readonly position: Position | undefined
}

/** Entries of one message at most. */
export const APPLIED_ENTRIES_MAX = 1_000

/** The message of one gateway. */
export function encodeApplied(gateway: string, entries: readonly AppliedEntry[]): string {
  const rows = entries.map(({ topic, region, position }) =>
    position === undefined ? [topic, region] : [topic, region, position.sequence, `${position.stamp}`],
  )
  return JSON.stringify({ gateway, rows })
}

/** Reads a message; undefined for what is none. */
export function decodeApplied(
  payload: Uint8Array,
): { readonly gateway: string; readonly entries: readonly AppliedEntry[] } | undefined {
  let message: unknown
  try {
    message = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString())
  } catch {
    return undefined
  }
  if (typeof message !== 'object' || message === null || !('gateway' in message) || !('rows' in message))
    return undefined
  const { gateway, rows } = message
  if (typeof gateway !== 'string' || !Array.isArray(rows) || rows.length > APPLIED_ENTRIES_MAX) return undefined
  const entries = rows.map(entryOf)
  return entries.every((entry) => entry !== undefined) ? { gateway, entries } : undefined
}

function entryOf(row: unknown): AppliedEntry | undefined {
  if (!Array.isArray(row)) return undefined
  const [topic, region, sequence, stamp]: readonly unknown[] = row
  if (typeof topic !== 'string' || typeof region !== 'string') return undefined
  if (row.length === 2) return { topic, region, position: undefined }
  const known = typeof sequence === 'number' && Number.isSafeInteger(sequence)
  if (!known || typeof stamp !== 'string' || !/^\d{1,20}$/.test(stamp)) return undefined
  return { topic, region, position: { sequence, stamp: BigInt(stamp) } }
}
