import {
  API_VERSION,
  type DocumentKey,
  fromData,
  type MeshDocument,
  parseDocumentKey,
  type Result,
} from '@landbridge/core'
import { formatKey, keyOf, statusOf } from '../k8s/index.ts'
import { ANNOTATION, FINALIZER } from './plan.ts'
import type { MeshResource, ResourceStatus, Wish } from './types.ts'

/**
 * The document that a resource is.
 * @param tenant The tenant that its namespace stands for; undefined for kinds that belong to the region.
 */
export function documentOf(
  { metadata, kind, spec = {} }: MeshResource,
  tenant: string | undefined,
): Result<MeshDocument> {
  const name = tenant === undefined ? { name: metadata.name } : { namespace: tenant, name: metadata.name }
  return fromData({ apiVersion: API_VERSION, kind, metadata: name, spec })
}

/** What names it in the region, by its metadata alone: one whose spec cannot be read is found again. */
export function identityOf({ metadata, kind }: MeshResource, tenant: string | undefined): DocumentKey | undefined {
  return parseDocumentKey(kind, tenant === undefined ? metadata.name : `${tenant}/${metadata.name}`).value
}

/** What a resource asks for. */
export function wishOf(
  resource: MeshResource,
  { document, identity, claimedBy }: Pick<Wish, 'document' | 'identity' | 'claimedBy'>,
): Wish {
  const { metadata, status, spec } = resource
  const { generation = 0, annotations = {}, finalizers = [] } = metadata
  const has = (annotation: string) => annotations[annotation] === 'true'
  return {
    generation,
    deleting: metadata.deletionTimestamp !== undefined,
    finalizer: finalizers.includes(FINALIZER),
    wasSynced: status?.observedGeneration === generation && wasInPlace(status),
    paused: has(ANNOTATION.paused),
    unmanaged: has(ANNOTATION.unmanaged),
    adopt: has(ANNOTATION.adopt),
    deleteAnyway: has(ANNOTATION.deleteAnyway),
    identity,
    deletesEvents: spec?.deletionPolicy === 'Delete',
    holder: {
      name: formatKey(keyOf(resource)),
      creationTimestamp: metadata.creationTimestamp,
      uid: metadata.uid,
    },
    document,
    claimedBy,
  }
}

/** An operator that ended in the middle of a repair left it shown as drifted. */
function wasInPlace({ conditions }: ResourceStatus): boolean {
  return statusOf(conditions, 'Ready') === 'True' || statusOf(conditions, 'Drifted') === 'True'
}
