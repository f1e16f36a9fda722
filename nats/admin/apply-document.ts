import {
  configKey,
  documentData,
  documentName,
  fromStored,
  isStored,
  type MeshDocument,
  MeshError,
  planTopic,
  streamShapeOf,
  type TopicDocument,
} from '@landbridge/core'
import type { NatsSession } from '../session.ts'
import type { ConfigBucket } from './config-bucket.ts'
import { Streams } from './streams.ts'

/** What `applyDocument` works on. */
export type ApplyContext = {
  readonly session: NatsSession
  readonly config: ConfigBucket
  readonly region: { readonly name: string; readonly replicasDefault: number }
}

/** What became of a document. */
export type ApplyOutcome = {
  readonly kind: MeshDocument['kind']
  /** "acme/orders" for topics and policies, the region's name for peers. */
  readonly name: string
  readonly action: 'created' | 'updated' | 'unchanged' | 'failed'
  /** Each difference, for people; empty unless updated. */
  readonly changes: readonly string[]
  /** The revision of the configuration that holds it; absent after a dry run that would change it, or a failure. */
  readonly revision?: number
  readonly error?: MeshError
}

/**
 * Brings a region to what a document says: observe, plan, apply. First the stream, then the configuration that the
 * gateways follow, so that nobody uses a stream that is not there. Applying the same again changes nothing. With
 * `dryRun` nothing is changed and the outcome is what would become of it. Never rejects.
 */
export async function applyDocument(
  context: ApplyContext,
  document: MeshDocument,
  options: { readonly dryRun: boolean },
): Promise<ApplyOutcome> {
  const outcome = { kind: document.kind, name: documentName(document) }
  try {
    const stream = document.kind === 'Topic' ? await applyStream(context, document, options.dryRun) : undefined
    const stored = await applyConfig(context.config, document, options.dryRun)
    const changes = [...new Set([...(stream?.changes ?? []), ...stored.changes])]
    const { revision } = stored
    const action = overall(stream?.action, stored.action)
    return { ...outcome, action, changes, ...(revision === undefined ? {} : { revision }) }
  } catch (error) {
    return { ...outcome, action: 'failed', changes: [], error: MeshError.from(error) }
  }
}

type Step = { readonly action: 'created' | 'updated' | 'unchanged'; readonly changes: readonly string[] }

function overall(stream: Step['action'] | undefined, stored: Step['action']): Step['action'] {
  if (stream === undefined || stream === stored) return stored
  // A stream that outlived its document, or a document whose stream was lost: the topic as a whole was repaired.
  return stored === 'created' ? 'created' : 'updated'
}

async function applyStream(context: ApplyContext, document: TopicDocument, dryRun: boolean): Promise<Step> {
  const streams = new Streams(context.session)
  const desired = streams.supported(streamShapeOf(document, context.region))
  const observed = await streams.get(desired.name)
  const plan = planTopic(desired, observed?.shape)
  if (plan.action === 'refuse') {
    throw new MeshError('failed_precondition', `apply topic ${documentName(document)}: ${plan.reason ?? 'refused'}`)
  }
  if (!dryRun && plan.action === 'create') await streams.create(plan.shape)
  if (!dryRun && plan.action === 'update' && observed !== undefined) await streams.update(plan.shape, observed)
  const action = ({ create: 'created', update: 'updated', unchanged: 'unchanged' } as const)[plan.action]
  return { action, changes: plan.changes }
}

type ConfigStep = Step & { readonly revision?: number | undefined }

async function applyConfig(config: ConfigBucket, document: MeshDocument, dryRun: boolean): Promise<ConfigStep> {
  const existing = await config.get(configKey(document))
  if (existing !== undefined && isStored(existing.value, document)) {
    return { action: 'unchanged', changes: [], revision: existing.revision }
  }
  const revision = dryRun ? undefined : (await config.put(document)).revision
  if (existing === undefined) return { action: 'created', changes: [], revision }
  return { action: 'updated', changes: changedFields(existing.value, document), revision }
}

/** Fields of a topic of which its stream says more: "max_age 24h -> 48h". */
const STREAM_FIELDS: ReadonlySet<string> = new Set([
  ...['partitions', 'retention', 'storage', 'replicas', 'maxEventBytes', 'duplicateWindow'],
  ...['owner', 'description'],
])

function changedFields(storedText: string, document: MeshDocument): readonly string[] {
  const { value: before } = fromStored(storedText)
  if (before === undefined) return ['the stored document could not be read']
  const old = specOf(before)
  return Object.entries(specOf(document))
    .filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(old[field]))
    .filter(([field]) => document.kind !== 'Topic' || !STREAM_FIELDS.has(field))
    .map(([field]) => `${field} changed`)
}

function specOf(document: MeshDocument): Readonly<Record<string, unknown>> {
  const { spec } = documentData(document)
  return typeof spec === 'object' && spec !== null ? { ...spec } : {}
}
