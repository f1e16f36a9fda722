import type { ScannedEvent } from './event/scan.ts'

/** Most partitions that a topic can have. */
export const PARTITIONS_MAX = 256

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/**
 * The partition of an event among `partitions` (1 to 256): FNV-1a 32 over the
 * UTF-8 bytes of `partitionkey`, or of `source`, one zero byte and `id` when it
 * has none, modulo the number of partitions. Published contract: every client
 * in every language can compute it.
 */
export function partitionOf(event: ScannedEvent, partitions: number, ordering: 'key' | 'none' = 'key'): number {
  if (partitions === 1) return 0
  const key = ordering === 'key' ? event.partitionKey : undefined
  if (key !== undefined) return (hashText(FNV_OFFSET, key) >>> 0) % partitions
  return (hashText(Math.imul(hashText(FNV_OFFSET, event.source), FNV_PRIME), event.id) >>> 0) % partitions
}

/** Continues an FNV-1a 32 hash over the UTF-8 bytes of `text`; a signed 32-bit number. */
function hashText(start: number, text: string): number {
  let hash = start
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit > 0x7f) return hashBytes(start, Buffer.from(text, 'utf8'))
    hash = Math.imul(hash ^ unit, FNV_PRIME)
  }
  return hash
}

function hashBytes(start: number, bytes: Uint8Array): number {
  let hash = start
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME)
  return hash
}
