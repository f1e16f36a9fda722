import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Config } from '../config.ts'
import { EventTracing } from './event-tracing.ts'

/** Tracing of the process. */
export type Tracing = {
  readonly events: EventTracing
  /** Sends what is left, then stops. */
  close(): Promise<void>
}

/**
 * Starts tracing to the OTLP endpoint of the configuration; undefined when there is none. This module is loaded only
 * then: tracing that is off costs neither memory nor time.
 * @param exporter Instead of the OTLP endpoint, for tests.
 */
export function startTracing(
  config: Pick<Config, 'region' | 'gateway' | 'otlpEndpoint'>,
  exporter: SpanExporter = new OTLPTraceExporter({ url: `${config.otlpEndpoint?.replace(/\/$/, '')}/v1/traces` }),
): Tracing {
  const provider = new TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({
        'service.name': process.env.OTEL_SERVICE_NAME ?? 'landbridge-gateway',
        'service.instance.id': config.gateway,
        'cloud.region': config.region,
      }),
    ),
    // An event that comes with a trace keeps its publisher's decision.
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(1) }),
    // Bounded: spans beyond the queue are dropped, never waited for.
    spanProcessors: [new BatchSpanProcessor({ exporter, maxQueueSize: 4096, maxExportBatchSize: 512 })],
  })
  return {
    events: new EventTracing(provider.getTracer('landbridge-gateway'), config.region),
    close: () => provider.shutdown(),
  }
}
