import { MeshError } from '@landbridge/core'
import { askJetStream } from '../api.ts'
import { isServerError, SERVER_ERROR } from '../server-error.ts'
import type { GroupReaderOptions } from './group-reader.ts'

/** Deliveries of a group that are given out and not settled, unless the group says otherwise. */
export const UNSETTLED_MAX = 10_000

/**
 * Makes a group's durable consumer when it is missing, and brings its filters and limits up to date when it is there,
 * whoever changed them: the server tells nobody of such a change.
 * Its ack wait stays as its first member made it: members that ask for different ones must not change each other's.
 * @param wasOpen whether it was there before: then it is not made again, because its position is lost
 */
export async function ensureGroup(options: GroupReaderOptions, wasOpen: boolean): Promise<void> {
  const { session, stream, group } = options
  const subject = `CONSUMER.CREATE.${stream}.${group}`
  const wanted = configOf(options)
  let existing: { readonly config: Readonly<Record<string, unknown>> }
  try {
    existing = await askJetStream(session, `CONSUMER.INFO.${stream}.${group}`)
  } catch (error) {
    if (!isServerError(error, SERVER_ERROR.consumerNotFound)) throw error
    if (wasOpen) {
      throw new MeshError('out_of_range', `group ${group} of ${stream}: it was deleted, and its position with it`)
    }
    const ack_wait = (options.ackWaitMs ?? 30_000) * 1e6
    const config = { ...wanted, ack_wait, ...beginningOf(options) }
    await askJetStream(session, subject, { stream_name: stream, config, action: 'create' }).catch(ignoreExisting)
    return
  }
  const differs = [...Object.keys(wanted), ...NOT_OURS].some(
    (key) => JSON.stringify(existing.config[key]) !== JSON.stringify(wanted[key]),
  )
  if (!differs) return
  const kept = Object.fromEntries(Object.entries(existing.config).filter(([key]) => !NOT_OURS.includes(key)))
  await askJetStream(session, subject, { stream_name: stream, config: { ...kept, ...wanted }, action: 'update' })
}

/** Unless the group asks for them, only somebody else can have set them; each would keep events, or parts, from members. */
const NOT_OURS: readonly string[] = ['filter_subject', 'filter_subjects', 'headers_only', 'inactive_threshold']

function configOf({ group, filters, unsettledMax = UNSETTLED_MAX }: GroupReaderOptions): Record<string, unknown> {
  const filter = filters.length === 1 ? { filter_subject: filters[0] } : { filter_subjects: filters }
  return {
    name: group,
    durable_name: group,
    ...(filters.length === 0 ? {} : filter),
    ack_policy: 'explicit',
    max_ack_pending: unsettledMax,
    max_deliver: -1,
  }
}

function beginningOf({ start = 'new' }: GroupReaderOptions): object {
  if (start === 'new' || start === 'all') return { deliver_policy: start }
  if ('sequence' in start) return { deliver_policy: 'by_start_sequence', opt_start_seq: Math.max(1, start.sequence) }
  return { deliver_policy: 'by_start_time', opt_start_time: new Date(start.timeMs).toISOString() }
}

/** Two members may make the group at the same moment. */
function ignoreExisting(error: unknown): void {
  const consumerExists = 10148
  const consumerNameExists = 10013
  if (!isServerError(error, consumerExists, consumerNameExists)) throw error
}
