import { MeshError } from '@landbridge/core'
import { askJetStream } from '../api.ts'
import type { NatsSession } from '../session.ts'

/** Short: an answer that comes late tells little. */
const TIMEOUT_MS = 2_000

/**
 * What the clock of the region's NATS says, ms since 1970, fractions included: that of the server that leads `stream`,
 * which is the clock that stamps what is stored there.
 * @throws MeshError when nobody answers
 */
export async function serverTime(session: NatsSession, stream: string): Promise<number> {
  const { ts } = await askJetStream<{ readonly ts?: string }>(session, `STREAM.INFO.${stream}`, undefined, TIMEOUT_MS)
  const ms = epochMsOf(ts ?? '')
  if (ms === undefined) throw new MeshError('internal', `ask the time of ${stream}: the answer has none`)
  return ms
}

/** RFC 3339 with up to nine digits of a second; `Date.parse` reads three. */
function epochMsOf(text: string): number | undefined {
  const match = /^(.+T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text)
  if (match === null) return undefined
  const [, seconds = '', fraction = '', zone = ''] = match
  const ms = Date.parse(`${seconds}${zone}`) + Number(fraction.padEnd(9, '0')) / 1e6
  return Number.isNaN(ms) ? undefined : ms
}
