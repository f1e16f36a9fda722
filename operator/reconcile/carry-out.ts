import type { ConfigBucket, Streams } from '@landbridge/nats'
import { type KubeClient, keyOf, type ResourceType } from '../k8s/index.ts'
import type { RegionState } from '../region/index.ts'
import { FINALIZER } from './plan.ts'
import type { MeshResource, Step } from './types.ts'

/** Who writes: shown in `managedFields`. */
export const FIELD_MANAGER = 'landbridge-operator'

/** What carrying out a plan works on. */
export type Hands = {
  readonly client: KubeClient
  readonly streams: Streams
  readonly config: ConfigBucket
  readonly state: RegionState
  /** @throws when this process does not lead (any more); asked right before every write. */
  readonly assertLeading: () => void
}

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

async function writeRegion(
  { streams, state, config }: Hands,
  step: Exclude<Step, { kind: 'add-finalizer' | 'remove-finalizer' }>,
): Promise<void> {
  switch (step.kind) {
    case 'create-stream':
      state.learn(step.shape.name, await streams.create(step.shape))
      return
    case 'update-stream': {
      const before = await streams.get(step.shape.name)
      const after = before === undefined ? await streams.create(step.shape) : await streams.update(step.shape, before)
      state.learn(step.shape.name, after)
      return
    }
    case 'delete-stream':
      await streams.delete(step.name)
      state.learn(step.name, undefined)
      return
    case 'put-config':
      await config.put(step.document)
      return
    case 'delete-config':
      await config.delete(step.key)
      return
  }
}

/** Upon the version that was seen: a leader that was paused meanwhile gets a conflict. */
function writeFinalizers(
  { client }: Hands,
  type: ResourceType,
  resource: MeshResource,
  wanted: boolean,
): Promise<MeshResource> {
  const { finalizers = [], resourceVersion } = resource.metadata
  const others = finalizers.filter((name) => name !== FINALIZER)
  const body = { metadata: { resourceVersion, finalizers: wanted ? [...others, FINALIZER] : others } }
  return client.merge<MeshResource>(type, keyOf(resource), body, { fieldManager: FIELD_MANAGER })
}
