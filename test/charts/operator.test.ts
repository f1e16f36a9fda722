import { RESOURCES } from '@landbridge/operator'
import { expect, test } from 'vitest'
import { type Manifest, namesOf, one, refusal, render } from './helm.ts'
import { MATRIX } from './matrix.ts'
import { containerOf, environmentOf, podOf } from './pods.ts'

const OPERATOR = 'lb-operator'
const ONE_TENANT = render(MATRIX['one tenant, no operator rights outside'])

type Rule = {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

/** "verb resource.group" of every right that an object grants; "[names]" behind those that are limited to names. */
function rightsOf({ rules }: Manifest): readonly string[] {
  return (rules as readonly Rule[])
    .flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
      verbs.flatMap((verb) =>
        resources.flatMap((resource) =>
          apiGroups.map((group) => `${verb} ${resource}.${group}${resourceNames ? ` [${resourceNames}]` : ''}`),
        ),
      ),
    )
    .sort()
}

const OF_TENANTS = [
  'create events.events.k8s.io',
  'get accesspolicies.landbridge.dev',
  'get topics.landbridge.dev',
  'list accesspolicies.landbridge.dev',
  'list topics.landbridge.dev',
  'patch accesspolicies.landbridge.dev',
  'patch accesspolicies/status.landbridge.dev',
  'patch topics.landbridge.dev',
  'patch topics/status.landbridge.dev',
  'update accesspolicies/status.landbridge.dev',
  'update topics/status.landbridge.dev',
  'watch accesspolicies.landbridge.dev',
  'watch topics.landbridge.dev',
]
const OF_THE_RELEASE = [
  'create events.events.k8s.io',
  'create leases.coordination.k8s.io',
  'get leases.coordination.k8s.io [lb-operator]',
  'get regionpeers.landbridge.dev',
  'list regionpeers.landbridge.dev',
  'patch regionpeers.landbridge.dev',
  'patch regionpeers/status.landbridge.dev',
  'update leases.coordination.k8s.io [lb-operator]',
  'update regionpeers/status.landbridge.dev',
  'watch regionpeers.landbridge.dev',
]

test('for all namespaces: a ClusterRole for what tenants declare, a Role for lease and peers, nothing else', () => {
  const manifests = render()
  expect(rightsOf(one(manifests, 'ClusterRole', 'mesh-lb-operator'))).toEqual(OF_TENANTS)
  expect(rightsOf(one(manifests, 'Role', OPERATOR))).toEqual(OF_THE_RELEASE)
  const subject = { kind: 'ServiceAccount', name: OPERATOR, namespace: 'mesh' }
  for (const kind of ['ClusterRoleBinding', 'RoleBinding']) {
    const name = kind === 'RoleBinding' ? OPERATOR : 'mesh-lb-operator'
    expect(one(manifests, kind, name)).toMatchObject({
      roleRef: { kind: kind.replace('Binding', ''), name },
      subjects: [subject],
    })
  }
})

test('for one namespace: a Role there, and no right that holds for the cluster', () => {
  expect(rightsOf(one(ONE_TENANT, 'Role', 'lb-operator-resources'))).toEqual(OF_TENANTS)
  for (const kind of ['Role', 'RoleBinding']) {
    expect(one(ONE_TENANT, kind, 'lb-operator-resources').metadata.namespace).toBe('acme')
  }
  expect(namesOf(ONE_TENANT).filter((name) => name.startsWith('Cluster'))).toEqual([])
  expect(environmentOf(containerOf(ONE_TENANT, OPERATOR))).toMatchObject({
    LANDBRIDGE_WATCH_NAMESPACE: 'acme',
    LANDBRIDGE_TENANT: 'acme-eu',
    LANDBRIDGE_NAMESPACE: 'mesh',
  })
})

test('two releases in one cluster do not share what is of the cluster', () => {
  const names = ['a', 'b'].map((release) => namesOf(render({}, { release })).filter((it) => it.startsWith('Cluster')))
  expect(new Set(names.flat()).size).toBe(names.flat().length)
})

test.for(Object.keys(MATRIX))(
  '%s: only the hook that makes certificates may touch Secrets, and that by name',
  (name) => {
    for (const manifest of render(MATRIX[name]).filter(({ rules }) => rules !== undefined)) {
      const rights = rightsOf(manifest)
      expect(rights.filter((right) => right.includes('*'))).toEqual([])
      if (manifest.metadata.name.endsWith('-certificates')) continue
      expect(rights.filter((right) => right.includes('secrets'))).toEqual([])
    }
  },
)

test('a hook brings the resource definitions up to date, and may touch no others', () => {
  const manifests = render()
  expect(one(manifests, 'ClusterRole', 'mesh-lb-definitions')).toMatchObject({
    metadata: { annotations: { 'helm.sh/hook': 'pre-install,pre-upgrade' } },
    rules: [
      {
        resources: ['customresourcedefinitions'],
        resourceNames: RESOURCES.map(({ type }) => `${type.plural}.${type.group}`).sort(),
        verbs: ['get', 'patch'],
      },
    ],
  })
  expect(environmentOf(containerOf(manifests, 'lb-definitions'))).toEqual({ LANDBRIDGE_VERSION: '0.1.0' })
  expect(one(manifests, 'ClusterRoleBinding', 'mesh-lb-definitions')).toMatchObject({
    subjects: [{ kind: 'ServiceAccount', name: 'lb-definitions', namespace: 'mesh' }],
  })
})

test('a tenant without a namespace is refused', () => {
  expect(refusal({ region: 'a', operator: { tenant: 'acme' } })).toContain(
    'operator.tenant: is set without operator.watchNamespace, wanted both or neither',
  )
})

test('two operators take turns by one lease', () => {
  expect(one(ONE_TENANT, 'Deployment', OPERATOR).spec).toMatchObject({ replicas: 2 })
  expect(environmentOf(containerOf(ONE_TENANT, OPERATOR))).toMatchObject({ LANDBRIDGE_LEASE: OPERATOR })
  expect(podOf(ONE_TENANT, OPERATOR).spec.serviceAccountName).toBe(OPERATOR)
})

test('without an operator there is nothing of it', () => {
  const left = namesOf(render(MATRIX['no operator'])).filter((name) => name.includes('operator'))
  expect(left).toEqual([])
})

test('what a user adds lands in the pod', () => {
  const { metadata, spec } = podOf(render(MATRIX['everything on top']), 'mesh-operator')
  expect(metadata).toMatchObject({ labels: { team: 'mesh' }, annotations: { 'example.com/note': 'a' } })
  expect(spec).toMatchObject({
    priorityClassName: 'high',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    shareProcessNamespace: true,
  })
  expect(spec.containers.map(({ name }) => name)).toEqual(['operator', 'beside'])
  expect(spec.volumes).toEqual([{ name: 'more', emptyDir: {} }])
  const { volumeMounts } = containerOf(render(MATRIX['everything on top']), 'mesh-operator')
  expect(volumeMounts).toEqual([{ name: 'more', mountPath: '/more' }])
})

test('what a user adds stands beside the files of an external NATS', () => {
  const operator = { extraVolumes: [{ name: 'more' }], extraVolumeMounts: [{ name: 'more', mountPath: '/more' }] }
  const manifests = render({ ...MATRIX['external NATS'], operator })
  const names = ['nats-credentials', 'nats-ca', 'more']
  expect(podOf(manifests, OPERATOR).spec.volumes?.map(({ name }) => name)).toEqual(names)
  expect(containerOf(manifests, OPERATOR).volumeMounts?.map(({ name }) => name)).toEqual(names)
})

test('an operator without files has no volumes', () => {
  const { spec } = podOf(render(), OPERATOR)
  expect(spec).not.toHaveProperty('volumes')
  expect(containerOf(render(), OPERATOR)).not.toHaveProperty('volumeMounts')
})
