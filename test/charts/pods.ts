import type { Manifest } from './helm.ts'

/** A variable of a container. */
export type EnvVar = { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }

type Probe = { readonly httpGet: { readonly path: string; readonly port: string } }

/** A container, as far as tests look. */
export type Container = {
  readonly name: string
  readonly image: string
  readonly args: readonly string[]
  readonly env?: readonly EnvVar[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[]
  readonly resources?: { readonly requests?: object; readonly limits?: object }
  readonly securityContext?: object
  readonly lifecycle?: object
  readonly startupProbe?: Probe
  readonly readinessProbe?: Probe
  readonly livenessProbe?: Probe
}

/** The pod that an object makes. */
export type Pod = {
  readonly owner: Manifest
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: {
    readonly containers: readonly Container[]
    readonly volumes?: readonly { readonly name: string }[]
    readonly securityContext?: object
    readonly serviceAccountName?: string
    readonly automountServiceAccountToken?: boolean
    readonly terminationGracePeriodSeconds?: number
    readonly topologySpreadConstraints?: readonly { readonly labelSelector: { readonly matchLabels: object } }[]
  }
}

/** The pods of all objects that make some. */
export function podsOf(manifests: readonly Manifest[]): readonly Pod[] {
  return manifests.flatMap((owner) => {
    if (owner.kind === 'Pod') return [{ owner, ...(owner as unknown as Omit<Pod, 'owner'>) }]
    const { template } = (owner.spec ?? {}) as { readonly template?: Omit<Pod, 'owner'> }
    return template === undefined ? [] : [{ owner, ...template }]
  })
}

/** The pod of the object with this name. @throws Error unless there is one */
export function podOf(manifests: readonly Manifest[], name: string): Pod {
  const found = podsOf(manifests).find(({ owner }) => owner.metadata.name === name)
  if (found === undefined) throw new Error(`${name}: makes no pod, wanted one`)
  return found
}

/** The first container of the pod of the object with this name. */
export function containerOf(manifests: readonly Manifest[], name: string): Container {
  const [first] = podOf(manifests, name).spec.containers
  if (first === undefined) throw new Error(`${name}: has no container`)
  return first
}

/** Name to value of a container's variables; those that are filled in later have the value "". */
export function environmentOf({ env = [] }: Container): Readonly<Record<string, string>> {
  return Object.fromEntries(env.map(({ name, value = '' }) => [name, value]))
}
