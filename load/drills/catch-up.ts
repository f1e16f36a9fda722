import { setTimeout as delay } from 'node:timers/promises'
import { originFilter, streamName } from '@landbridge/core'
import type { Lab } from '@landbridge/lab'
import { lastRecord, NatsSession } from '@landbridge/nats'
import { DRILL_TOPIC } from './drills.ts'

const POLL_MS = 50

/** One region's events on their way to another. */
export type Way = { readonly origin: string; readonly receiver: string }

/**
 * How long until each receiver holds what the origin of its way held when this was called, in ms; undefined when
 * `limitMs` were not enough. Asks the regions' NATS servers, not the mesh.
 */
export async function catchUpMs(lab: Lab, ways: readonly Way[], limitMs: number): Promise<number | undefined> {
  const startMs = performance.now()
  await using sessions = new AsyncDisposableStack()
  const byRegion = new Map<string, NatsSession>()
  for (const region of new Set(ways.flatMap(({ origin, receiver }) => [origin, receiver]))) {
    const servers = lab.region(region).natsUrls
    byRegion.set(region, sessions.use(await NatsSession.connect({ servers, name: 'landbridge-drill' })))
  }
  const last = async (region: string, origin: string) => {
    const session = byRegion.get(region)
    if (session === undefined) throw new Error(`read ${region}: there is no session`)
    const record = await lastRecord(session, streamName(DRILL_TOPIC), originFilter(DRILL_TOPIC, origin))
    if (record === undefined) return 0
    return region === origin ? record.sequence : Number(record.header('Lb-Origin-Seq') ?? 0)
  }
  const arrivals = ways.map(async ({ origin, receiver }) => {
    const wanted = await last(origin, origin)
    while ((await last(receiver, origin)) < wanted) {
      if (performance.now() - startMs > limitMs) return false
      await delay(POLL_MS)
    }
    return true
  })
  const arrived = await Promise.all(arrivals)
  return arrived.every(Boolean) ? performance.now() - startMs : undefined
}

/** Every region's events to every other region. */
export function allWays(regions: readonly string[]): readonly Way[] {
  return regions.flatMap((origin) =>
    regions.filter((receiver) => receiver !== origin).map((receiver) => ({ origin, receiver })),
  )
}
