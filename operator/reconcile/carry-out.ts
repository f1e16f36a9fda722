import { configKey, toStored } from '@landbridge/core'
import { type KubeClient, keyOf, type ResourceType, writeFreshest } from '../k8s/index.ts'
import type { Region } from '../region/index.ts'
import { FINALIZER } from './plan.ts'
import type { MeshResource, Step } from './types.ts'

/** Who writes: shown in `managedFields`. */
export const FIELD_MANAGER = 'landbridge-operator'

/** What carrying out a plan works on. */
export type Hands = {
  readonly client: KubeClient
  readonly region: Region
  /** @throws when this process does not lead (any more); asked right before every write, after all that is waited for. */
  readonly assertLeading: () => void
  /** Hears of every write of a resource: what it was before, and what the API server made of it. */
  readonly onWritten: (before: MeshResource, written: MeshResource) => void
}

type RegionStep = Exclude<Step, { kind: 'add-finalizer' | 'remove-finalizer' }>

/**
 * Takes the steps of a plan, in order; the first that fails ends it, and the next reconciliation goes on from what is
 * there. Each step is harmless when it is taken twice.
 * @returns the resource as it is now: every write of metadata gives it another version
 * @throws KubeError, MeshError
 */
export async function carryOut(
  hands: Hands,
  type: ResourceType,
  resource: MeshResource,
  steps: readonly Step[],
): Promise<MeshResource> {
  let current = resource
  for (const step of steps) {
    hands.assertLeading()
    if (step.kind === 'add-finalizer') current = await writeFinalizers(hands, type, current, true)
    else if (step.kind === 'remove-finalizer') current = await writeFinalizers(hands, type, current, false)
    else await writeRegion(hands, step)
  }
  return current
}

/** JetStream takes a stream's settings from whoever sends them last: nothing is waited for between asking and sending. */
async function writeRegion({ region, assertLeading }: Hands, step: RegionStep): Promise<void> {
  const { streams, config } = region.access
  switch (step.kind) {
    case 'create-stream':
      await region.create(step.shape)
      return
    case 'update-stream': {
      const before = await streams.get(step.shape.name)
      assertLeading()
      const after = before === undefined ? await streams.create(step.shape) : await streams.update(step.shape, before)
      region.learn(step.shape.name, after)
      return
    }
    case 'delete-stream':
      await streams.delete(step.name)
      region.learn(step.name, undefined)
      return
    case 'put-config': {
      const { document, heldBy } = step
      const key = configKey(document)
      const seen = region.entry(key)?.revision ?? 0
      const { revision } = await config.put(document, { heldBy, seen, beforeWrite: assertLeading })
      region.learnEntry(key, { value: toStored(document, heldBy), revision })
      return
    }
    case 'delete-config':
      await config.delete(step.key, { beforeWrite: assertLeading })
      region.learnEntry(step.key, undefined)
      return
  }
}

/** Upon the version that was seen: a leader that was paused meanwhile gets a conflict, and finds out that it is none. */
function writeFinalizers(
  { client, assertLeading, onWritten }: Hands,
  type: ResourceType,
  resource: MeshResource,
  wanted: boolean,
): Promise<MeshResource> {
  const isDeleting = ({ metadata }: MeshResource) => metadata.deletionTimestamp !== undefined
  return writeFreshest(resource, {
    onWritten,
    write: (current) => {
      assertLeading()
      const { finalizers = [], resourceVersion } = current.metadata
      const others = finalizers.filter((name) => name !== FINALIZER)
      const body = { metadata: { resourceVersion, finalizers: wanted ? [...others, FINALIZER] : others } }
      return client.merge<MeshResource>(type, keyOf(current), body, { fieldManager: FIELD_MANAGER })
    },
    read: () => client.get<MeshResource>(type, keyOf(resource)),
    holds: (fresh) =>
      fresh.metadata.generation === resource.metadata.generation && isDeleting(fresh) === isDeleting(resource),
  })
}
