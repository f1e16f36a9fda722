/** What every Kubernetes object has. */
export type KubeObject = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
}

/** The part of an object's metadata that the operator reads. */
export type ObjectMeta = {
  readonly name: string
  /** Undefined for cluster-scoped objects. */
  readonly namespace?: string
  readonly uid: string
  /** Opaque: equal or different, nothing else. */
  readonly resourceVersion: string
  /** Counts changes of the spec. */
  readonly generation?: number
  /** RFC 3339. */
  readonly creationTimestamp: string
  /** RFC 3339; set once somebody asked for the deletion. */
  readonly deletionTimestamp?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
  readonly finalizers?: readonly string[]
}

/** Where objects of one kind live. */
export type ResourceType = {
  /** "landbridge.dev"; empty for the core group. */
  readonly group: string
  readonly version: string
  /** Lower case plural, as in paths: "topics". */
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
}

/** Names one object of a kind. */
export type ObjectKey = {
  /** Empty for cluster-scoped objects. */
  readonly namespace: string
  readonly name: string
}

/** "namespace/name", or "name" for cluster-scoped objects. */
export function formatKey(key: ObjectKey): string {
  return key.namespace === '' ? key.name : `${key.namespace}/${key.name}`
}

/** The key of an object. */
export function keyOf(object: { readonly metadata: Pick<ObjectMeta, 'name' | 'namespace'> }): ObjectKey {
  return { namespace: object.metadata.namespace ?? '', name: object.metadata.name }
}

/** "landbridge.dev/v1alpha1", or "v1" for the core group. */
export function apiVersionOf({ group, version }: Pick<ResourceType, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`
}

/** The path of a kind's collection, of all namespaces or of one. */
export function collectionPath(type: ResourceType, namespace?: string): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`
  const scope = type.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  return `${root}${scope}/${type.plural}`
}

/** The path of one object, or of one of its subresources. */
export function objectPath(type: ResourceType, key: ObjectKey, subresource?: 'status'): string {
  const path = `${collectionPath(type, key.namespace)}/${encodeURIComponent(key.name)}`
  return subresource === undefined ? path : `${path}/${subresource}`
}
