import { create } from '@bufbuild/protobuf'
import { isLabel, MeshError, type PeerStatus, quote } from '@landbridge/core'
import { type RetireRequest, type RetireResponse, RetireResponseSchema } from '@landbridge/proto'
import type { AdminAccess } from '../auth/index.ts'
import type { Repairs } from '../replicate/index.ts'
import type { Log } from '../telemetry/index.ts'
import type { TopicRegistry } from '../topics.ts'
import { principalOf } from './call-context.ts'
import type { UnaryMethod } from './unary.ts'

const EVENTS_MAX = 200_000
const EVENTS_DEFAULT = 50_000
/** The answer must be back in time: how much was given back says whether to ask again. */
const TIME_MS_MAX = 60_000
const TIME_SHARE = 0.7

/** `AdminService.Retire`: for administrators of the region. */
export function retire(tools: {
  readonly region: string
  readonly admins: AdminAccess
  readonly registry: TopicRegistry
  readonly peers: () => Promise<readonly PeerStatus[]>
  readonly repairs: Pick<Repairs, 'retire'>
  readonly log: Log
}): UnaryMethod<RetireRequest, RetireResponse> {
  const { region, admins, registry, peers, repairs, log } = tools
  return async (request, context) => {
    const principal = principalOf(context)
    const refusal = admins.regionRefusal(principal)
    if (refusal !== undefined) throw refusal
    const { region: gone, dryRun } = request
    const eventsMax = request.eventsMax === 0 ? EVENTS_DEFAULT : request.eventsMax
    checkRequest(gone, region, eventsMax)
    const link = (await peers()).find((peer) => peer.region === gone)
    if (link?.state === 'connected') {
      throw new MeshError('failed_precondition', `retire: ${gone} is connected, wanted a region that is gone for good`)
    }
    const signal = AbortSignal.timeout(Math.floor(Math.min(TIME_MS_MAX, context.remainingMs() * TIME_SHARE)))
    const topics: { topic: string; events: bigint }[] = []
    let left = eventsMax
    let more = false
    for (const topicKey of registry.snapshot.topics.keys()) {
      const topic = registry.get(topicKey)
      if (topic === undefined) continue
      const bounds = { dryRun, eventsMax: left, signal }
      const retired = await repairs.retire(topic, gone, bounds)
      left -= retired.events
      more ||= retired.more
      if (retired.events > 0) topics.push({ topic: topicKey, events: BigInt(retired.events) })
    }
    if (!dryRun) log.warn({ audit: 'retire', by: principal.subject, gone, events: eventsMax - left }, 'region retired')
    return create(RetireResponseSchema, { region, topics, more })
  }
}

function checkRequest(gone: string, region: string, eventsMax: number): void {
  if (!isLabel(gone)) throw new MeshError('invalid_argument', `retire: region is ${quote(gone)}, wanted a name`)
  if (gone === region) throw new MeshError('invalid_argument', `retire: ${gone} answers itself, wanted another region`)
  if (eventsMax > EVENTS_MAX) {
    throw new MeshError('invalid_argument', `retire: events_max is ${eventsMax}, wanted at most ${EVENTS_MAX}`)
  }
}
