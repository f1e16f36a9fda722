import { parseSubject, scanAttributes, unwrap } from '@landbridge/core'
import { type LabRegion, visitStream } from '@landbridge/lab'
import { NatsSession } from '@landbridge/nats'
import type { CheckReport } from '../check/check.ts'
import type { FaultRecord } from '../faults/driver.ts'
import type { EventName, History } from '../history/history.ts'

/** All that is known of one event that is in trouble. */
export type Explanation = {
  readonly event: string
  readonly key: number
  readonly sentMs: number
  readonly endedMs: number
  readonly outcome: number
  readonly acknowledgedBy: string | undefined
  /** When each region's subscriber was first shown it, milliseconds of the run; 0 when it was not. */
  readonly seenMs: Readonly<Record<string, number>>
  /** Each record of it, in each region: subject, local sequence, time of storing, what the headers say. */
  readonly records: readonly string[]
  /** Faults that were in effect between a second before its first attempt and its outcome. */
  readonly faults: readonly string[]
}

const HEADERS = [
  'Nats-Msg-Id',
  'Lb-Origin-Seq',
  'Lb-Origin-Stamp',
  'Lb-Origin-Prev',
  'Lb-Retry-Of',
  'Lb-Control',
] as const
const CONTROLS_MAX = 200

/** Reads every stream once more and tells the story of each event that a verdict names, and every region's control records. */
export async function explain(
  regions: readonly LabRegion[],
  history: History,
  verdict: CheckReport,
  faults: readonly FaultRecord[],
): Promise<{ readonly events: readonly Explanation[]; readonly controls: readonly string[] }> {
  const events = new Map<string, EventName>()
  for (const { event } of verdict.examples) if (event !== undefined) events.set(nameOf(history, event), event)
  const records = new Map<string, string[]>([...events.keys()].map((name) => [name, []]))
  const controls: string[] = []
  for (const region of regions) {
    await using session = await NatsSession.connect({ servers: [...region.natsUrls], name: 'chaos explain' })
    for (const { name: topic } of history.topics) {
      await visitStream(session, topic, (message) => {
        const isControl = unwrap(parseSubject(message.subject)).control
        const attributes = isControl ? undefined : scanAttributes(message.payload)
        const list = isControl ? controls : records.get(`${attributes?.get('source')} ${attributes?.get('id')}`)
        if (list === undefined || list.length >= CONTROLS_MAX) return
        const headers = HEADERS.flatMap((name) => {
          const value = message.header(name)
          return value === undefined ? [] : [`${name}=${value}`]
        })
        const time = new Date(Number(message.stampNs / 1_000_000n)).toISOString()
        list.push(`${region.name} ${message.subject} #${message.sequence} ${time} ${headers.join(' ')}`)
      }).catch((error: unknown) => controls.push(`${region.name} ${topic}: ${String(error)}`))
    }
  }
  return { events: [...events].map(([name, event]) => storyOf(name, event, history, records, faults)), controls }
}

function storyOf(
  name: string,
  { publisher, number }: EventName,
  history: History,
  records: ReadonlyMap<string, readonly string[]>,
  faults: readonly FaultRecord[],
): Explanation {
  const events = history.publishers[publisher]
  const sentMs = events?.sentMs(number) ?? 0
  const endedMs = events?.endedMs(number) ?? 0
  return {
    event: name,
    key: events?.key(number) ?? 0,
    sentMs,
    endedMs,
    outcome: events?.outcome(number) ?? 0,
    acknowledgedBy: history.regions[events?.region(number) ?? -1],
    seenMs: Object.fromEntries(history.regions.map((region, place) => [region, events?.seenMs(number, place) ?? 0])),
    records: records.get(name) ?? [],
    faults: faults
      .filter(({ injectedMs, healedMs }) => injectedMs <= endedMs && healedMs >= sentMs - 1_000)
      .map(({ id, text, injectedMs, healedMs }) => `#${id} ${text}, ${injectedMs} to ${healedMs} ms`),
  }
}

function nameOf(history: History, { publisher, number }: EventName): string {
  return `${history.publishers[publisher]?.info.source} ${number}`
}
