import { isSpanContextValid, trace } from '@opentelemetry/api'

/** `trace_id` and `span_id` of the active span, for log lines; empty outside of a traced call. */
export function traceFieldsOf(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext()
  if (span === undefined || !isSpanContextValid(span)) return {}
  return { trace_id: span.traceId, span_id: span.spanId }
}
