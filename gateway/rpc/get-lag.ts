import { create } from '@bufbuild/protobuf'
import { type LagRow, MeshError, parseTopicName } from '@landbridge/core'
import { type GetLagRequest, type GetLagResponse, GetLagResponseSchema } from '@landbridge/proto'
import type { AdminAccess } from '../auth/index.ts'
import { timestampOf } from '../time.ts'
import type { TopicRegistry } from '../topics.ts'
import { principalOf } from './call-context.ts'
import type { UnaryMethod } from './unary.ts'

/** `AdminService.GetLag`: of one topic, or of all topics that the caller may administer. */
export function getLag(tools: {
  readonly region: string
  readonly admins: AdminAccess
  readonly registry: TopicRegistry
  readonly lag: (topicKey?: string) => Promise<readonly LagRow[]>
}): UnaryMethod<GetLagRequest, GetLagResponse> {
  return async (request, context) => {
    const principal = principalOf(context)
    const refusalOf = (topicKey: string) => {
      const slash = topicKey.indexOf('/')
      return tools.admins.tenantRefusal(principal, topicKey.slice(0, slash), topicKey.slice(slash + 1))
    }
    if (request.topic !== '') {
      const name = parseTopicName(request.topic)
      if (name.error !== undefined) throw name.error
      const refusal = refusalOf(request.topic)
      if (refusal !== undefined) throw refusal
      if (tools.registry.get(request.topic) === undefined) {
        throw new MeshError('not_found', `topic: ${request.topic} is not known in this region`)
      }
    }
    const rows = await tools.lag(request.topic === '' ? undefined : request.topic)
    const shown = rows.filter((row) => refusalOf(row.topic) === undefined)
    return create(GetLagResponseSchema, {
      region: tools.region,
      lags: shown.map((row) => ({
        topic: row.topic,
        origin: row.origin,
        events: BigInt(row.events),
        seconds: row.seconds,
        known: row.known,
        appliedSequence: BigInt(row.appliedSequence),
        headSequence: BigInt(row.headSequence),
        upstream: row.upstream ?? '',
        gateway: row.gateway ?? '',
        problem: row.problem,
        gaps: BigInt(row.gaps),
        ...timestampOf('reportedTime', row.reportedMs),
        ...timestampOf('watermark', row.watermarkMs),
      })),
    })
  }
}
