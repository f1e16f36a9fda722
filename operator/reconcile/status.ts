import { isDeepStrictEqual } from 'node:util'
import {
  apiVersionOf,
  type Condition,
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
    onWritten,
    write: (current) => {
      assertLeading()
      const { resourceVersion } = current.metadata
      const body = {
        apiVersion: apiVersionOf(type),
        kind: type.kind,
        metadata: { name, ...(namespace === undefined ? {} : { namespace }), resourceVersion },
        status,
      }
      return client.replaceStatus<MeshResource>(type, keyOf(resource), body, {
        fieldManager: FIELD_MANAGER,
      })
    },
    read: () => client.get<MeshResource>(type, keyOf(resource)),
    // The status was made from the spec, and from the status before.
    holds: ({ metadata, status: before }) =>
      metadata.generation === generation &&
      metadata.deletionTimestamp === deletionTimestamp &&
      isDeepStrictEqual(before, resource.status),
  })
}

/** The Events of a transition: none where nothing that matters to people became another. Pure. */
export function transitionOf(before: ResourceStatus | undefined, after: ResourceStatus): readonly ObjectEvent[] {
  return [readyEvent(before, after), degradedEvent(before, after)].filter((event) => event !== undefined)
}

function readyEvent(before: ResourceStatus | undefined, after: ResourceStatus): ObjectEvent | undefined {
  const old = conditionOf(before, 'Ready')
  const now = conditionOf(after, 'Ready')
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

/** A link that goes down, or replication that stands still, leaves Ready as it is. */
function degradedEvent(before: ResourceStatus | undefined, after: ResourceStatus): ObjectEvent | undefined {
  const old = conditionOf(before, 'Degraded')
  const now = conditionOf(after, 'Degraded')
  const wasDegraded = old?.status === 'True'
  if (now?.status === 'True') {
    if (wasDegraded && old.reason === now.reason) return undefined
    return { type: 'Warning', reason: now.reason, action: 'Observe', note: now.message }
  }
  // While it is not ready nobody looks whether it is degraded.
  if (!wasDegraded || statusOf(after.conditions, 'Ready') !== 'True') return undefined
  return { type: 'Normal', reason: 'Recovered', action: 'Observe', note: `is over: ${old.message}` }
}

function conditionOf(status: ResourceStatus | undefined, wanted: string): Condition | undefined {
  return status?.conditions?.find(({ type }) => type === wanted)
}

/** Tells it. */
export function tellTransition(recorder: EventRecorder, resource: MeshResource, after: ResourceStatus): void {
  for (const event of transitionOf(resource.status, after)) recorder.record(resource, event)
}

/** As JSON brings it back: without what is undefined. */
function plain(status: ResourceStatus): unknown {
  return JSON.parse(JSON.stringify(status))
}
