import type { Tracer } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'

/** Whose spans they are, and where they go. */
export type TracingOptions = {
  /** Base URL of an OTLP/HTTP collector. */
  readonly endpoint: string
  /** What the process is: "landbridge-gateway". The standard variable OTEL_SERVICE_NAME overrides it. */
  readonly service: string
  /** Name of this process among those of its kind. */
  readonly instance: string
  readonly region: string
}

/** Tracing of a process. */
export type Tracing = {
  readonly tracer: Tracer
  /** Sends what is left, then stops. Never rejects: spans that nobody takes are lost, and the process ends as it should. */
  close(): Promise<void>
}

/** Starts tracing to an OTLP endpoint. This module is loaded only then: tracing that is off costs neither memory nor time. */
export function startTracing({ endpoint, service, instance, region }: TracingOptions): Tracing {
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` })
  const provider = new TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({
        'service.name': process.env.OTEL_SERVICE_NAME ?? service,
        'service.instance.id': instance,
        'cloud.region': region,
      }),
    ),
    // What comes with a trace keeps the decision of whoever began it.
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(1) }),
    // Bounded: spans beyond the queue are dropped, never waited for.
    spanProcessors: [new BatchSpanProcessor({ exporter, maxQueueSize: 4096, maxExportBatchSize: 512 })],
  })
  return { tracer: provider.getTracer(service), close: () => provider.shutdown().catch(() => undefined) }
}
