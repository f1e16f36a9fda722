import { create } from '@bufbuild/protobuf'
import { documentName, type MeshDocument, MeshError, type Principal, parseDocuments } from '@landbridge/core'
import { type ApplyOutcome, applyDocument, type ConfigBucket, type NatsSession } from '@landbridge/nats'
import { ApplyAction, type ApplyRequest, type ApplyResponse, ApplyResponseSchema } from '@landbridge/proto'
import type { AdminAccess } from '../auth/index.ts'
import type { Log } from '../telemetry/index.ts'
import type { TopicRegistry } from '../topics.ts'
import { principalOf } from './call-context.ts'
import { shownError } from './status.ts'
import type { UnaryMethod } from './unary.ts'

/** What applying documents needs. */
export type ApplyTools = {
  readonly session: NatsSession
  readonly bucket: ConfigBucket
  readonly registry: Pick<TopicRegistry, 'reaches'>
  readonly region: { readonly name: string; readonly replicasDefault: number }
  readonly admins: AdminAccess
  readonly log: Log
}

const ACTIONS = {
  created: ApplyAction.CREATED,
  updated: ApplyAction.UPDATED,
  unchanged: ApplyAction.UNCHANGED,
  failed: ApplyAction.FAILED,
} as const satisfies Record<ApplyOutcome['action'], ApplyAction>

/** Who has applied something may use it: for so long the answer waits until this gateway serves it. */
const FOLLOW_MS = 2_000

/** `AdminService.Apply`: all documents are parsed and allowed before the first is applied. */
export function apply({
  session,
  bucket,
  registry,
  region,
  admins,
  log,
}: ApplyTools): UnaryMethod<ApplyRequest, ApplyResponse> {
  return async (request, context) => {
    const documents = parseDocuments(request.documents)
    if (documents.error !== undefined) throw documents.error
    const principal = principalOf(context)
    for (const document of documents.value) {
      const refusal = refusalOf(admins, principal, document)
      if (refusal !== undefined) throw refusal
    }
    const outcomes: ApplyOutcome[] = []
    for (const document of documents.value) {
      const outcome = await applyOne(document)
      outcomes.push(outcome)
      if (!request.dryRun) log.info({ audit: 'apply', by: principal.subject, ...outcome }, 'document applied')
    }
    const revision = Math.max(0, ...outcomes.map((outcome) => outcome.revision ?? 0))
    if (!(await registry.reaches(revision, FOLLOW_MS))) log.warn({ revision }, 'applied, and not followed yet')
    return create(ApplyResponseSchema, {
      region: region.name,
      outcomes: outcomes.map(({ kind, name, action, changes, error }) => ({
        kind,
        name,
        action: ACTIONS[action],
        changes: [...changes],
        error: error === undefined ? '' : shownError(error, log, context.path).message,
      })),
    })

    async function applyOne(document: MeshDocument): Promise<ApplyOutcome> {
      try {
        return await applyDocument({ session, config: bucket, region }, document, { dryRun: request.dryRun })
      } catch (error) {
        // One that fails does not keep the others from being applied, and its neighbours' outcomes are still told.
        const name = documentName(document)
        return { kind: document.kind, name, action: 'failed', changes: [], error: MeshError.from(error) }
      }
    }
  }
}

function refusalOf(admins: AdminAccess, principal: Principal, document: MeshDocument): MeshError | undefined {
  if (document.kind === 'Topic') return admins.tenantRefusal(principal, document.name.tenant, document.name.topic)
  if (document.kind === 'AccessPolicy') return admins.tenantRefusal(principal, document.tenant, '')
  return admins.regionRefusal(principal)
}
