import { MeshAttribute, parseHybridTime, scanAttributes } from '@landbridge/core'
import type { PullContext } from './context.ts'
import type { RunEvents } from './pull-run.ts'
import type { PullRecord } from './received.ts'

/** Spans of one batch: a batch of a long outage is not worth a thousand of them. */
const TRACED_MAX = 64

/** What every run of a pull reports: to metrics, traces and the hybrid clock, and to its owner. */
export function runEvents(
  context: PullContext,
  pull: { readonly topicKey: string; readonly origin: string },
  owner: { onOpen(): void; onStored(): void },
): RunEvents {
  const { metrics, clock, tracing, now } = context
  const { topicKey, origin } = pull
  const labels = { topic: metrics.topicLabel(topicKey), origin }
  return {
    onApplied: (stored, skippedByCheck, skippedByServer) => {
      if (stored > 0) metrics.applied.inc(labels, stored)
      if (skippedByCheck > 0) metrics.skipped.inc({ ...labels, by: 'check' }, skippedByCheck)
      if (skippedByServer > 0) metrics.skipped.inc({ ...labels, by: 'server' }, skippedByServer)
    },
    onOpen: () => owner.onOpen(),
    onBatch: (seconds, records) => {
      owner.onStored()
      metrics.applySeconds.observe({ origin }, seconds)
      const time = timeOf(records.at(-1))
      if (time !== undefined) clock.observe(time)
      if (tracing === undefined) return
      const endMs = now()
      for (const { traceparent } of records.slice(0, TRACED_MAX)) {
        tracing.replicate(topicKey, origin, traceparent, endMs - seconds * 1_000, endMs)
      }
    },
  }
}

/** The hybrid time of an event: what we stamp later must be greater than what we have seen. */
function timeOf(record: PullRecord | undefined): ReturnType<typeof parseHybridTime>['value'] {
  const text = record === undefined ? undefined : scanAttributes(record.event).get(MeshAttribute.time)
  return text === undefined ? undefined : parseHybridTime(text).value
}
