import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gatewayOf, homeFirst, MESH, REGIONS, RELEASE, type Region, TENANT } from './region.ts'

const API = 'landbridge.dev/v1alpha1'
const IN_POD = join(import.meta.dirname, 'in-pod')
const TLS = '/etc/landbridge/client-tls'

/** A client's certificate names it. */
export const CLIENT_ID = `spiffe://${MESH}/ns/${TENANT}/sa/shop`
/** Where the pod finds the scripts. */
export const SCRIPTS = '/app/e2e'
export const CLIENT = 'e2e-client'

/** A namespace that admits only pods of the restricted profile. */
export function namespaceOf({ namespace }: Region): object {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted', 'landbridge.dev/e2e': 'true' }
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }
}

/** Values of a release: small enough for three regions on two cores. */
export function valuesOf(region: Region): object {
  const resources = { requests: { cpu: '50m', memory: '128Mi' } }
  const { LANDBRIDGE_E2E_REGISTRY: registry = '' } = process.env
  return {
    region: region.name,
    image: { registry },
    mesh: MESH,
    gateway: { replicas: 2, resources },
    operator: { watchNamespace: region.namespace, tenant: TENANT, resources },
    nats: { replicas: region.replicas, resources, storage: { size: '1Gi' }, image: { registry } },
  }
}

/** What one applies in a region: how to reach the others, topics, and who may use them. */
export function resourcesOf(region: Region): readonly object[] {
  const object = (kind: string, name: string, spec: object): object => ({
    apiVersion: API,
    kind,
    metadata: { name, namespace: region.namespace },
    spec,
  })
  return [
    ...REGIONS.filter(({ name }) => name !== region.name).map((other) =>
      object('RegionPeer', other.name, { endpoints: [gatewayOf(other)] }),
    ),
    object('Topic', 'orders', { partitions: 4, retention: { age: '7d' }, deletionPolicy: 'Retain' }),
    object('Topic', 'quotes', { deletionPolicy: 'Delete' }),
    object('AccessPolicy', 'shop', {
      principals: [{ spiffe: CLIENT_ID }],
      topics: ['orders', 'quotes'],
      operations: ['publish', 'subscribe'],
    }),
  ]
}

/** A pod of a service: it has the image for the command line and waits. */
export function clientPod(region: Region, image: string, tls: Readonly<Record<string, string>>): readonly object[] {
  const metadata = { name: CLIENT, namespace: region.namespace }
  const scripts = Object.fromEntries(
    readdirSync(IN_POD).map((name) => [name, readFileSync(join(IN_POD, name), 'utf8')]),
  )
  const endpoints = homeFirst(region).map((one) => `${one.name}=${gatewayOf(one)}`)
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: tls },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: scripts },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 1,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 65532,
          fsGroup: 65532,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        containers: [
          {
            name: 'client',
            image,
            args: ['-e', 'setInterval(() => {}, 1e9)'],
            resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } },
            env: Object.entries({
              LANDBRIDGE_ENDPOINTS: endpoints.join(','),
              LANDBRIDGE_CA: `${TLS}/ca.crt`,
              LANDBRIDGE_CERT: `${TLS}/tls.crt`,
              LANDBRIDGE_KEY: `${TLS}/tls.key`,
            }).map(([name, value]) => ({ name, value })),
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
            volumeMounts: [
              { name: 'tls', mountPath: TLS, readOnly: true },
              { name: 'scripts', mountPath: SCRIPTS, readOnly: true },
            ],
          },
        ],
        volumes: [
          { name: 'tls', secret: { secretName: CLIENT } },
          { name: 'scripts', configMap: { name: CLIENT } },
        ],
      },
    },
  ]
}

/** Names of a region's NATS servers, which are those of their pods, sorted. */
export function natsServers({ replicas }: Region): readonly string[] {
  return Array.from({ length: replicas }, (_, index) => `${RELEASE}-nats-${index}`)
}

/** Objects of a release, by component. */
export const OBJECTS = {
  gateways: `deployment/${RELEASE}-gateway`,
  operator: `deployment/${RELEASE}-operator`,
  nats: `statefulset/${RELEASE}-nats`,
  natsBudget: `poddisruptionbudget/${RELEASE}-nats`,
  gatewaySelector: `app.kubernetes.io/instance=${RELEASE},app.kubernetes.io/component=gateway`,
  natsSelector: `app.kubernetes.io/instance=${RELEASE},app.kubernetes.io/component=nats`,
} as const
