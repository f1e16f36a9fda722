import { encodeStringAttribute, type ScannedEvent } from '@landbridge/core'
import type { StoreResult } from '@landbridge/nats'
import {
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { TopicEntry } from '../topics.ts'
import { spanContextOf } from './trace-context.ts'

/** What tracing adds to one event that is being published. */
export type TracedPublish = {
  /** Encoded attributes to append: a `traceparent`, only if the event had none. */
  readonly attributes: Uint8Array | undefined
  /** To be called once with what became of it. */
  readonly end: (result: StoreResult) => void
}

const NOTHING: TracedPublish = { attributes: undefined, end: () => {} }

/**
 * Spans of an event's way, by the messaging semantic conventions, in the trace that its `traceparent` attribute names
 * (CloudEvents distributed tracing extension): publish, with store below it, and deliver in whichever region. An event
 * whose trace is not sampled has no spans. Only made when tracing is on.
 */
export class EventTracing {
  readonly #tracer: Tracer
  readonly #region: string

  constructor(tracer: Tracer, region: string) {
    this.#tracer = tracer
    this.#region = region
  }

  /** Begins the spans of an event that is about to be stored. */
  publish(topic: TopicEntry, event: ScannedEvent): TracedPublish {
    const remote = spanContextOf(event.traceparent)
    if (remote !== undefined && !isSampled(remote)) return NOTHING
    const parent = remote === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote)
    const attributes = this.#attributes(topic.key, 'send', event.id)
    const span = this.#tracer.startSpan(`send ${topic.key}`, { kind: SpanKind.PRODUCER, attributes }, parent)
    const own = span.spanContext()
    if (!isSampled(own)) return { attributes: event.traceparent === undefined ? encode(own) : undefined, end: () => {} }
    const store = this.#tracer.startSpan(
      `store ${topic.stream}`,
      { kind: SpanKind.CLIENT, attributes: { ...attributes, 'landbridge.stream': topic.stream } },
      trace.setSpan(parent, span),
    )
    return {
      attributes: event.traceparent === undefined ? encode(own) : undefined,
      end: (result) => {
        finish(store, result)
        finish(span, result)
      },
    }
  }

  /** Records that an event was handed to a subscriber. `traceparent` as found in the stored event. */
  deliver(topicKey: string, group: string, traceparent: string | undefined, sequence: number): void {
    const remote = spanContextOf(traceparent)
    if (remote === undefined || !isSampled(remote)) return
    const parent = trace.setSpanContext(ROOT_CONTEXT, remote)
    const span = this.#tracer.startSpan(
      `deliver ${topicKey}`,
      {
        kind: SpanKind.CONSUMER,
        attributes: {
          ...this.#attributes(topicKey, 'process', undefined),
          'landbridge.sequence': sequence,
          ...(group === '' ? {} : { 'messaging.consumer.group.name': group }),
        },
      },
      parent,
    )
    span.end()
  }

  /**
   * Records that an event of another region was stored here. `traceparent` as found in the event; times in ms since
   * 1970, from when its batch was begun.
   */
  replicate(topicKey: string, origin: string, traceparent: string | undefined, startMs: number, endMs: number): void {
    const remote = spanContextOf(traceparent)
    if (remote === undefined || !isSampled(remote)) return
    const parent = trace.setSpanContext(ROOT_CONTEXT, remote)
    const attributes = { ...this.#attributes(topicKey, 'replicate', undefined), 'landbridge.origin': origin }
    this.#tracer
      .startSpan(`replicate ${topicKey}`, { kind: SpanKind.CONSUMER, startTime: startMs, attributes }, parent)
      .end(endMs)
  }

  #attributes(topicKey: string, operation: string, messageId: string | undefined) {
    return {
      'messaging.system': 'landbridge',
      'messaging.destination.name': topicKey,
      'messaging.operation.name': operation,
      'messaging.operation.type': operation,
      'landbridge.region': this.#region,
      ...(messageId === undefined ? {} : { 'messaging.message.id': messageId }),
    }
  }
}

function isSampled(spanContext: SpanContext): boolean {
  return (spanContext.traceFlags & TraceFlags.SAMPLED) !== 0
}

function encode({ traceId, spanId, traceFlags }: SpanContext): Uint8Array {
  const flags = traceFlags.toString(16).padStart(2, '0')
  return encodeStringAttribute('traceparent', `00-${traceId}-${spanId}-${flags}`)
}

function finish(span: Span, result: StoreResult): void {
  if (result.kind === 'failed') span.setStatus({ code: SpanStatusCode.ERROR, message: result.error.message })
  else span.setAttribute('landbridge.sequence', result.sequence)
  span.end()
}
