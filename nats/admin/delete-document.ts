import {
  configKey,
  type DocumentKey,
  formatBytes,
  fromStored,
  MeshError,
  streamName,
  type TopicDocument,
} from '@landbridge/core'
import type { NatsSession } from '../session.ts'
import type { ApplyContext } from './apply-document.ts'
import { Streams } from './streams.ts'

/** What became of it. */
export type DeleteOutcome = Pick<DocumentKey, 'kind' | 'name'> & {
  readonly action: 'deleted' | 'unchanged' | 'failed'
  /** What goes and what stays, for people. */
  readonly changes: readonly string[]
  readonly error?: MeshError
}

/**
 * Deletes a document from a region, and a topic's stream when its deletion policy says so: the stream first, so that a
 * failure on the way leaves a document by which it can be done again. With `dryRun` nothing is changed and the outcome is
 * what would become of it. Never rejects.
 */
export async function deleteDocument(
  context: Pick<ApplyContext, 'session' | 'config'>,
  { kind, name, key }: DocumentKey,
  options: { readonly dryRun: boolean },
): Promise<DeleteOutcome> {
  const named = { kind, name }
  try {
    const stored = await context.config.get(key)
    if (stored === undefined) return { ...named, action: 'unchanged', changes: [] }
    const { value: document } = fromStored(stored.value)
    // What cannot be read can be deleted all the same; a stream that may belong to it stays.
    const isTopic = document?.kind === 'Topic' && configKey(document) === key
    const changes = isTopic ? await deleteStream(context.session, document, options.dryRun) : []
    if (!options.dryRun) await context.config.delete(key)
    return { ...named, action: 'deleted', changes }
  } catch (error) {
    return { ...named, action: 'failed', changes: [], error: MeshError.from(error) }
  }
}

async function deleteStream(
  session: NatsSession,
  { name, spec }: TopicDocument,
  dryRun: boolean,
): Promise<readonly string[]> {
  const stream = streamName(name)
  const streams = new Streams(session)
  const observed = await streams.get(stream)
  if (observed === undefined) return [`there is no stream ${stream}`]
  const held = `stream ${stream} with ${observed.messages} records (${formatBytes(observed.bytes)})`
  if (spec.deletionPolicy === 'Retain') return [`${held} stays`]
  if (observed.topic !== `${name.tenant}/${name.topic}`) {
    throw new MeshError('failed_precondition', `delete: stream ${stream} is not this topic's, wanted no other's events`)
  }
  if (!dryRun) await streams.delete(stream)
  return [`${held} goes`]
}
