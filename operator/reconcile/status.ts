import { isDeepStrictEqual } from 'node:util'
import {
  apiVersionOf,
  type EventRecorder,
  keyOf,
  type ObjectEvent,
  type ResourceType,
  statusOf,
  writeFreshest,
} from '../k8s/index.ts'
import { FIELD_MANAGER, type Hands } from './carry-out.ts'
import type { MeshResource, ResourceStatus } from './types.ts'

/**
 * Writes a status where it differs from what is there; undefined when it does not, else the resource as it is now.
 * @throws KubeError, a conflict when the resource was changed so that the status is not right any more
 */
export async function writeStatus(
  { client, assertLeading, onWritten }: Hands,
  type: ResourceType,
  resource: MeshResource,
  status: ResourceStatus,
): Promise<MeshResource | undefined> {
  if (isDeepStrictEqual(resource.status, plain(status))) return undefined
  const { name, namespace, generation, deletionTimestamp } = resource.metadata
  return writeFreshest(resource, {
    write: async (current) => {
      assertLeading()
      const { resourceVersion } = current.metadata
      const body = {
        apiVersion: apiVersionOf(type),
        kind: type.kind,
        metadata: { name, ...(namespace === undefined ? {} : { namespace }), resourceVersion },
        status,
      }
      const written = await client.replaceStatus<MeshResource>(type, keyOf(resource), body, {
        fieldManager: FIELD_MANAGER,
      })
      onWritten(current, written)
      return written
    },
    read: () => client.get<MeshResource>(type, keyOf(resource)),
    // The status was made from the spec, and from the status before.
    holds: ({ metadata, status: before }) =>
      metadata.generation === generation &&
      metadata.deletionTimestamp === deletionTimestamp &&
      isDeepStrictEqual(before, resource.status),
  })
}

/** The Event of a transition; undefined when there is none to tell. */
export function transitionOf(before: ResourceStatus | undefined, after: ResourceStatus): ObjectEvent | undefined {
  const old = before?.conditions?.find(({ type }) => type === 'Ready')
  const now = after.conditions?.find(({ type }) => type === 'Ready')
  const repairs = (status: ResourceStatus | undefined) => status?.drift?.repairs ?? 0
  if (repairs(after) > repairs(before)) {
    const note = `repaired what others changed: ${after.drift?.lastChanges ?? ''}`
    return { type: 'Warning', reason: 'DriftRepaired', action: 'Reconcile', note }
  }
  if (now === undefined || (old?.status === now.status && old.reason === now.reason)) return undefined
  if (now.status === 'True')
    return { type: 'Normal', reason: 'Ready', action: 'Reconcile', note: 'the region does as declared' }
  const type = statusOf(after.conditions, 'Stalled') === 'True' ? 'Warning' : 'Normal'
  return { type, reason: now.reason, action: 'Reconcile', note: now.message }
}

/** Tells it. */
export function tellTransition(recorder: EventRecorder, resource: MeshResource, after: ResourceStatus): void {
  const event = transitionOf(resource.status, after)
  if (event !== undefined) recorder.record(resource, event)
}

/** As JSON brings it back: without what is undefined. */
function plain(status: ResourceStatus): unknown {
  return JSON.parse(JSON.stringify(status))
}
