import { MeshError, markerOf } from '@landbridge/core'
import type { Pace } from './pace.ts'
import type { RepairStream } from './repair-stream.ts'

/** Markers in one batch: the server's limit. */
const MARKERS_MAX = 1_000
/** Another one who writes markers this often between our look and our batch does our work. */
const FENCED_MAX = 100

/** What a retirement needs. */
export type RetireOptions = {
  readonly stream: RepairStream
  /** The region that is gone. */
  readonly origin: string
  readonly duplicateWindowMs: number
  readonly pace: Pace
  /** Only count. */
  readonly dryRun: boolean
  /** Most events that are given back, or counted. */
  readonly eventsMax: number
  readonly onGivenBack: (count: number) => void
  /** Ends it between two batches. */
  readonly signal: AbortSignal
}

/**
 * Rule 9: gives back what this region holds of an origin that is gone for good. Who was given back before is left out,
 * so it may be cut short, and run in several gateways at once.
 * @returns how many were given back; `more` when there are others, or may be
 * @throws MeshError
 */
export async function retireOrigin(
  options: RetireOptions,
): Promise<{ readonly events: number; readonly more: boolean }> {
  const { stream, dryRun, eventsMax, pace, onGivenBack, signal } = options
  let after = 0
  let events = 0
  for (let fenced = 0; fenced <= FENCED_MAX; ) {
    if (signal.aborted) return { events, more: true }
    // One more than we may give back tells whether there is more.
    const limit = Math.min(MARKERS_MAX, eventsMax + 1 - events)
    const found = await stream.unadopted({ after, before: Number.MAX_SAFE_INTEGER, limit })
    const chosen = found.events.slice(0, eventsMax - events)
    const last = chosen.at(-1)
    if (last === undefined) return { events, more: found.events.length > 0 }
    if (!dryRun) {
      await pace.take(chosen.length, signal)
      if (signal.aborted) return { events, more: true }
      const markers = chosen.map((event) => markerOf(event, options))
      const { error, ...result } = await stream.writeMarkers(markers, found.fence)
      if (error !== undefined) throw error
      if (result.kind !== 'stored') {
        fenced += 1
        continue
      }
      fenced = 0
      onGivenBack(chosen.length)
      await pace.followed(result.lastSequence, signal)
    }
    events += chosen.length
    after = last.localSequence
  }
  throw new MeshError('aborted', 'retire: another gateway does so at the same time, try again later')
}
