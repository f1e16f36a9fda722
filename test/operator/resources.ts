import { until } from '@landbridge/lab/kubernetes'
import { type KubeClient, KubeError } from '@landbridge/operator'
import { ACCESS_POLICY, REGION_PEER, TOPIC } from '../../operator/api/index.ts'
import type { Condition, ResourceType } from '../../operator/k8s/index.ts'
import type { MeshResource } from '../../operator/reconcile/types.ts'
import { RELEASE, TENANT } from './operator.ts'

/** Resources of one kind as people use them, in the namespace that suits. */
export class Resources {
  readonly type: ResourceType
  readonly #client: () => KubeClient
  readonly #namespace: string

  constructor(client: () => KubeClient, type: ResourceType, namespace: string) {
    this.#client = client
    this.type = type
    this.#namespace = namespace
  }

  create(name: string, spec: object = {}, metadata: object = {}): Promise<MeshResource> {
    const { type } = this
    const namespace = this.#namespace
    const body = {
      apiVersion: 'landbridge.dev/v1alpha1',
      kind: type.kind,
      metadata: { name, namespace, ...metadata },
      spec,
    }
    return this.#client().create(type, namespace, body)
  }

  /** A change by a person. */
  patch(name: string, patch: object): Promise<MeshResource> {
    return this.#client().merge(this.type, this.#key(name), patch, { fieldManager: 'person' })
  }

  /** Sets an annotation of the mesh, or takes it away (null). */
  annotate(name: string, annotation: string, value: string | null): Promise<MeshResource> {
    return this.patch(name, { metadata: { annotations: { [`landbridge.dev/${annotation}`]: value } } })
  }

  delete(name: string): Promise<void> {
    return this.#client().delete(this.type, this.#key(name))
  }

  get(name: string): Promise<MeshResource | undefined> {
    return this.#client().get(this.type, this.#key(name))
  }

  async condition(name: string, type: string): Promise<Condition | undefined> {
    return (await this.get(name))?.status?.conditions?.find((condition) => condition.type === type)
  }

  /** Waits until a condition is as wanted, for the newest spec; returns the resource. */
  async untilCondition(
    name: string,
    type: string,
    wanted: string | { readonly status: string; readonly reason: string },
    withinMs = 15_000,
  ): Promise<MeshResource> {
    const { status, reason } = typeof wanted === 'string' ? { status: wanted, reason: undefined } : wanted
    return this.until(
      name,
      (resource) => {
        const found = resource.status?.conditions?.find((condition) => condition.type === type)
        const isIt = found?.status === status && (reason === undefined || found.reason === reason)
        return isIt && found.observedGeneration === resource.metadata.generation
      },
      withinMs,
    )
  }

  /** Waits until a resource is as wanted; returns it. */
  async until(name: string, wanted: (resource: MeshResource) => boolean, withinMs = 15_000): Promise<MeshResource> {
    let last: MeshResource | undefined
    await until(async () => {
      last = await this.get(name)
      return last !== undefined && wanted(last)
    }, withinMs).catch((cause: unknown) => {
      throw new Error(`${name}: is ${JSON.stringify(last?.status)}, wanted ${wanted}`, { cause })
    })
    if (last === undefined) throw new Error(`${name}: is gone`)
    return last
  }

  async untilGone(name: string, withinMs = 15_000): Promise<void> {
    await until(async () => (await this.get(name)) === undefined, withinMs).catch(async (cause: unknown) => {
      throw new Error(`${name}: is not gone: ${JSON.stringify((await this.get(name))?.status)}`, { cause })
    })
  }

  #key(name: string) {
    return { namespace: this.#namespace, name }
  }
}

/** Resources of every kind. */
export function resourcesOf(client: () => KubeClient) {
  return {
    topics: new Resources(client, TOPIC.type, TENANT),
    policies: new Resources(client, ACCESS_POLICY.type, TENANT),
    peers: new Resources(client, REGION_PEER.type, RELEASE),
  }
}

/** What the API server says when it refuses. @throws Error when it does not */
export async function refusalOf(change: Promise<unknown>): Promise<string> {
  try {
    await change
  } catch (error) {
    if (error instanceof KubeError && error.status === 422) return error.message
    throw error
  }
  throw new Error('it was taken, wanted a refusal')
}
