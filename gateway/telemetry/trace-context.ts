import { isSpanContextValid, type SpanContext } from '@opentelemetry/api'

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** The remote span that a W3C `traceparent` value names; undefined when it is missing or malformed. */
export function spanContextOf(traceparent: string | undefined): SpanContext | undefined {
  const match = traceparent === undefined ? null : TRACEPARENT.exec(traceparent)
  if (match === null) return undefined
  const [, traceId = '', spanId = '', flags = ''] = match
  const found = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
  return isSpanContextValid(found) ? found : undefined
}

/** `trace_id` and `span_id` of a `traceparent` value, for log lines; empty when there is none. */
export function traceFieldsOf(traceparent: string | undefined): { trace_id?: string; span_id?: string } {
  const found = spanContextOf(traceparent)
  return found === undefined ? {} : { trace_id: found.traceId, span_id: found.spanId }
}
