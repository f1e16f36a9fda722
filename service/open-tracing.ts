import type { Tracing, TracingOptions } from './tracing.ts'

/** Starts tracing. The OpenTelemetry SDK is loaded only here, so that tracing that is off costs nothing. */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  const { startTracing } = await import('./tracing.ts')
  return startTracing(options)
}
