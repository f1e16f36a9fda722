import { openTracing } from '@landbridge/service'
import type { Config } from '../config.ts'
import { EventTracing } from './event-tracing.ts'

/** Tracing of the events that a gateway handles. */
export type Tracing = {
  readonly events: EventTracing
  /** Sends what is left, then stops. */
  close(): Promise<void>
}

/** Starts it where the configuration has an endpoint; undefined where it has none. */
export async function openEventTracing({ otlpEndpoint, region, gateway }: Config): Promise<Tracing | undefined> {
  if (otlpEndpoint === undefined) return undefined
  const service = 'landbridge-gateway'
  const { tracer, close } = await openTracing({ endpoint: otlpEndpoint, service, instance: gateway, region })
  return { events: new EventTracing(tracer, region), close }
}
