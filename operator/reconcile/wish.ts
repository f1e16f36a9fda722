import { API_VERSION, fromData } from '@landbridge/core'
import { statusOf } from '../k8s/index.ts'
import { ANNOTATION, FINALIZER } from './plan.ts'
import type { MeshResource, ResourceStatus, Wish } from './types.ts'

/**
 * What a resource asks for.
 * @param tenant The tenant that its namespace stands for; undefined for kinds that belong to the region.
 */
export function wishOf(resource: MeshResource, tenant: string | undefined, claimedBy: string | undefined): Wish {
  const { metadata, kind, spec = {}, status } = resource
  const { generation = 0, annotations = {}, finalizers = [] } = metadata
  const has = (annotation: string) => annotations[annotation] === 'true'
  const name = tenant === undefined ? { name: metadata.name } : { namespace: tenant, name: metadata.name }
  return {
    generation,
    deleting: metadata.deletionTimestamp !== undefined,
    finalizer: finalizers.includes(FINALIZER),
    wasSynced: status?.observedGeneration === generation && wasInPlace(status),
    paused: has(ANNOTATION.paused),
    unmanaged: has(ANNOTATION.unmanaged),
    adopt: has(ANNOTATION.adopt),
    deleteAnyway: has(ANNOTATION.deleteAnyway),
    document: fromData({ apiVersion: API_VERSION, kind, metadata: name, spec }),
    claimedBy,
  }
}

/** An operator that ended in the middle of a repair left it shown as drifted. */
function wasInPlace({ conditions }: ResourceStatus): boolean {
  return statusOf(conditions, 'Ready') === 'True' || statusOf(conditions, 'Drifted') === 'True'
}
