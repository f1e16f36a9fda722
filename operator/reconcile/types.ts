import type { DocumentKey, MeshDocument, Result, StreamShape } from '@landbridge/core'
import type { Condition, KubeObject } from '../k8s/index.ts'

/** A resource of the mesh as the API server has it. */
export type MeshResource = KubeObject & {
  readonly spec?: Readonly<Record<string, unknown>>
  readonly status?: ResourceStatus
}

/** What every kind's status has. */
export type ResourceStatus = {
  readonly observedGeneration?: number
  readonly conditions?: readonly Condition[]
  readonly drift?: { readonly repairs?: number; readonly lastTime?: string; readonly lastChanges?: string }
  readonly [field: string]: unknown
}

/** A resource as the entries that it holds in the region name it. */
export type Holder = {
  /** "namespace/name". */
  readonly name: string
  readonly creationTimestamp: string
  readonly uid: string
}

/** What somebody wants of a resource: the parts of it that decide. */
export type Wish = {
  readonly generation: number
  readonly deleting: boolean
  /** Our finalizer is on it: it was managed before. */
  readonly finalizer: boolean
  /** Stream and configuration were as this very generation says when last looked at: what differs now was changed by somebody else. */
  readonly wasSynced: boolean
  readonly paused: boolean
  readonly unmanaged: boolean
  /** An existing stream may be taken over although it differs. */
  readonly adopt: boolean
  /** Delete although the topic is in use, or although nobody can tell. */
  readonly deleteAnyway: boolean
  /** What names it in the region; undefined when its name cannot be used there: then it never had anything. */
  readonly identity: DocumentKey | undefined
  /** Deleting it deletes its stream. */
  readonly deletesEvents: boolean
  readonly document: Result<MeshDocument>
  /** What it is known as beside the entries that it holds. */
  readonly holder: Holder
  /** "namespace/name" of an older resource that claims the same, as far as this operator sees them; undefined when there is none. */
  readonly claimedBy: string | undefined
}

/** What there is of it in the region. */
export type Found = {
  /** The stream that it wants, and the one that is there; undefined for kinds without one. */
  readonly stream: { readonly desired: StreamShape; readonly observed: StreamShape | undefined } | undefined
  /** What the configuration holds under its key. */
  readonly stored: string | undefined
  /** What holds a deletion back, in words; asked only while deleting. */
  readonly inUse: readonly string[]
}

/** One change, in the order in which they are made. */
export type Step =
  | { readonly kind: 'add-finalizer' }
  | { readonly kind: 'create-stream' | 'update-stream'; readonly shape: StreamShape }
  | { readonly kind: 'put-config'; readonly document: MeshDocument; readonly heldBy: string }
  | { readonly kind: 'delete-config'; readonly key: string }
  | { readonly kind: 'delete-stream'; readonly name: string }
  | { readonly kind: 'remove-finalizer' }

/** What becomes of a resource. */
export type Verdict =
  /** The region is as it says once the steps are taken. */
  | { readonly kind: 'in-place' }
  | { readonly kind: 'paused' }
  /** The operator keeps its hands off it. */
  | { readonly kind: 'unmanaged' }
  | { readonly kind: 'invalid'; readonly message: string }
  /** An older one has what it asks for. `recorded`: it is known from the region only, and may be gone for good. */
  | { readonly kind: 'claimed'; readonly by: string; readonly recorded: boolean }
  /** What it asks for cannot be done to the stream that is there. */
  | { readonly kind: 'refused'; readonly reason: 'AdoptionRefused' | 'ChangeRefused'; readonly message: string }
  /** Its deletion waits. */
  | { readonly kind: 'held'; readonly waitsFor: readonly string[] }
  /** It is gone once the steps are taken. */
  | { readonly kind: 'deleted' }

/** What to do. */
export type Plan = {
  readonly steps: readonly Step[]
  readonly verdict: Verdict
  /** What somebody changed behind the resource's back, and the steps repair. */
  readonly drift: readonly string[]
}
