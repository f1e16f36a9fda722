import type { Config } from '../config.ts'
import type { Tracing } from './tracing.ts'

/** Starts tracing. The OpenTelemetry SDK is loaded only here, so that tracing that is off costs nothing. */
export async function openTracing(config: Config): Promise<Tracing> {
  const { startTracing } = await import('./tracing.ts')
  return startTracing(config)
}
