import { create } from '@bufbuild/protobuf'
import { type DocumentKey, MeshError, type Principal, parseDocumentKey } from '@landbridge/core'
import { type ConfigBucket, type DeleteOutcome, deleteDocument, type NatsSession } from '@landbridge/nats'
import { ApplyAction, type DeleteRequest, type DeleteResponse, DeleteResponseSchema } from '@landbridge/proto'
import type { AdminAccess } from '../auth/index.ts'
import type { Log } from '../telemetry/index.ts'
import { principalOf } from './call-context.ts'
import { shownError } from './status.ts'
import type { UnaryMethod } from './unary.ts'

const DOCUMENTS_MAX = 100

const ACTIONS = {
  deleted: ApplyAction.DELETED,
  unchanged: ApplyAction.UNCHANGED,
  failed: ApplyAction.FAILED,
} as const satisfies Record<DeleteOutcome['action'], ApplyAction>

/** `AdminService.Delete`: all names are read and allowed before the first document is deleted. */
export function deleteDocuments(tools: {
  readonly session: NatsSession
  readonly bucket: ConfigBucket
  readonly region: string
  readonly admins: AdminAccess
  readonly log: Log
}): UnaryMethod<DeleteRequest, DeleteResponse> {
  const { session, bucket, region, admins, log } = tools
  return async ({ documents, dryRun }, context) => {
    const keys = readKeys(documents)
    const principal = principalOf(context)
    for (const key of keys) {
      const refusal = refusalOf(admins, principal, key)
      if (refusal !== undefined) throw refusal
    }
    const outcomes: DeleteOutcome[] = []
    for (const key of keys) {
      const outcome = await deleteDocument({ session, config: bucket }, key, { dryRun })
      outcomes.push(outcome)
      if (!dryRun) log.info({ audit: 'delete', by: principal.subject, ...outcome }, 'document deleted')
    }
    return create(DeleteResponseSchema, {
      region,
      outcomes: outcomes.map(({ kind, name, action, changes, error }) => ({
        kind,
        name,
        action: ACTIONS[action],
        changes: [...changes],
        error: error === undefined ? '' : shownError(error, log, context.path).message,
      })),
    })
  }
}

function readKeys(documents: DeleteRequest['documents']): readonly DocumentKey[] {
  if (documents.length < 1 || documents.length > DOCUMENTS_MAX) {
    throw new MeshError('invalid_argument', `delete: has ${documents.length} documents, wanted 1 to ${DOCUMENTS_MAX}`)
  }
  const keys = new Map<string, DocumentKey>()
  for (const { kind, name } of documents) {
    const parsed = parseDocumentKey(kind, name)
    if (parsed.error !== undefined) throw parsed.error
    if (keys.has(parsed.value.key)) {
      throw new MeshError('invalid_argument', `delete: ${kind} ${name} is there twice, wanted each once`)
    }
    keys.set(parsed.value.key, parsed.value)
  }
  return [...keys.values()]
}

function refusalOf(admins: AdminAccess, principal: Principal, key: DocumentKey): MeshError | undefined {
  return key.kind === 'RegionPeer'
    ? admins.regionRefusal(principal)
    : admins.tenantRefusal(principal, key.tenant, key.topic)
}
