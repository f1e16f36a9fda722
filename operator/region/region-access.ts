import { GATEWAYS_BUCKET } from '@landbridge/core'
import { ConfigBucket, KeyValue, NatsSession, type NatsSessionOptions, Streams } from '@landbridge/nats'
import type { Log } from '@landbridge/service'

/** What the operator uses of a region's NATS. */
export type RegionAccess = AsyncDisposable & {
  readonly session: NatsSession
  readonly config: ConfigBucket
  readonly streams: Streams
  /** Signs of life of the region's gateways. */
  readonly signs: KeyValue
}

/** How to reach it. */
export type RegionAccessOptions = {
  readonly nats: Omit<NatsSessionOptions, 'log' | 'signal'>
  /** Copies of buckets that have to be made: 1, 3 or 5. */
  readonly replicas: number
  readonly log: Log
}

/** Connects, and makes what buckets are missing. @throws MeshError when it cannot in time, or when aborted */
export async function openRegion(options: RegionAccessOptions, signal: AbortSignal): Promise<RegionAccess> {
  const { nats, replicas, log } = options
  await using parts = new AsyncDisposableStack()
  const session = parts.use(await NatsSession.connect({ ...nats, log, signal }))
  const config = parts.use(await ConfigBucket.open({ session, replicas, log }))
  const signs = await KeyValue.open(session, GATEWAYS_BUCKET, replicas)
  const owned = parts.move()
  return {
    session,
    config,
    streams: new Streams(session, log),
    signs,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
