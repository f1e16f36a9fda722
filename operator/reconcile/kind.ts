import type { DocumentKey, MeshDocument } from '@landbridge/core'
import type { ResourceDefinition } from '../api/index.ts'
import type { Trouble } from '../region/index.ts'
import type { Found, MeshResource, ResourceStatus } from './types.ts'

/** How to look. */
export type FindOptions = {
  /** It is to go: what holds that back is asked for, too. */
  readonly deleting: boolean
  /** It is to go whatever holds that back: then nobody is asked. */
  readonly deleteAnyway: boolean
  /** What names it. */
  readonly identity: DocumentKey
}

/** What only one kind of resource knows. */
export type Kind = {
  readonly definition: ResourceDefinition
  /** Whether its namespace stands for a tenant. */
  readonly ofTenant: boolean
  /**
   * What there is of it in the region. May ask the region when `deleting`; then `document` may be undefined: it cannot
   * be read any more. @throws MeshError
   */
  readonly find: (document: MeshDocument | undefined, options: FindOptions) => Promise<Found>
  /** What the status says only of this kind. @param before The status until now: what is not known anew stays */
  readonly shown: (document: MeshDocument, before: ResourceStatus | undefined) => Shown
}

/** What a status says of one kind alone. */
export type Shown = {
  /** Fields of the status. */
  readonly extras: Readonly<Record<string, unknown>>
  /** What works less well than it should. */
  readonly degraded: Trouble | undefined
}

/** What a status said of trouble. */
export function troubleOf(status: ResourceStatus | undefined): Trouble | undefined {
  const found = status?.conditions?.find(({ type }) => type === 'Degraded')
  return found?.status === 'True' ? { reason: found.reason, message: found.message } : undefined
}

/** Makes a resource small: what others wrote into its metadata is not kept in memory. */
export function trimmed(resource: MeshResource): MeshResource {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, finalizers } =
    resource.metadata
  const annotations = Object.entries(resource.metadata.annotations ?? {}).filter(([key]) =>
    key.startsWith('landbridge.dev/'),
  )
  return {
    ...resource,
    metadata: {
      name,
      uid,
      resourceVersion,
      creationTimestamp,
      ...(namespace === undefined ? {} : { namespace }),
      ...(generation === undefined ? {} : { generation }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
    },
  }
}
