import type { NatsSession } from '../session.ts'
import { eventPlace } from './event-place.ts'
import { readRange } from './read-range.ts'

/** Options of `findCopies`. */
export type FindCopiesOptions = {
  readonly session: NatsSession
  readonly stream: string
  /** Which records, by their subject. One filter: with several the server (2.15) skips records behind a time. */
  readonly filter: string
  /** Stored at or after, in ms since 1970. */
  readonly fromMs: number
  /** Message ids to look for. */
  readonly ids: ReadonlySet<string>
  readonly signal?: AbortSignal
}

/**
 * Which of `ids` were stored since then, with their sequences: rule 5's scan, over headers only, up to what the
 * stream's leader has at the time of the call. Rejects with a MeshError, or with the reason of `signal`.
 */
export async function findCopies(options: FindCopiesOptions): Promise<ReadonlyMap<string, number>> {
  const { session, stream, filter, fromMs, ids, signal } = options
  const found = new Map<string, number>()
  if (ids.size === 0) return found
  await readRange({
    session,
    stream,
    filters: [filter],
    start: { timeMs: Math.floor(fromMs) },
    headersOnly: true,
    signal,
    onMessage: (message) => {
      const place = eventPlace(message)
      if (place !== undefined && ids.has(place.id) && !found.has(place.id)) found.set(place.id, place.sequence)
      return found.size < ids.size
    },
  })
  return found
}
