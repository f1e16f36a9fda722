import type { MeshDocument } from '@landbridge/core'
import type { ResourceDefinition } from '../api/index.ts'
import type { Found, MeshResource } from './types.ts'

/** What only one kind of resource knows. */
export type Kind = {
  readonly definition: ResourceDefinition
  /** Whether its namespace stands for a tenant. */
  readonly ofTenant: boolean
  /** What there is of it in the region. May ask the region when `deleting`. @throws MeshError */
  readonly find: (document: MeshDocument, options: { readonly deleting: boolean }) => Promise<Found>
  /** Fields of the status that only this kind has. */
  readonly extras: (document: MeshDocument | undefined) => Readonly<Record<string, unknown>>
  /** What works less well than it should. */
  readonly degraded: (document: MeshDocument) => { readonly reason: string; readonly message: string } | undefined
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
