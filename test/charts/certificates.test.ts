import { expect, test } from 'vitest'
import { type Manifest, NAMESPACE, namesOf, one, refusal, render } from './helm.ts'
import { MATRIX } from './matrix.ts'
import { containerOf, environmentOf, podOf } from './pods.ts'

const NAMES = ['lb-gateway', 'lb-gateway-headless'].flatMap((service) =>
  ['', '.mesh', '.mesh.svc', '.mesh.svc.cluster.local'].map((domain) => `${service}${domain}`),
)

/** The Secret with the gateways' certificate, as the pods of gateways and of `helm test` mount it. */
function mountedSecrets(manifests: readonly Manifest[]): readonly unknown[] {
  return ['lb-gateway', 'lb-test'].map((name) => podOf(manifests, name).spec.volumes?.find((it) => it.name === 'tls'))
}

test('self: a hook makes them before the gateways, and may touch two Secrets only', () => {
  const manifests = render()
  const hooks = manifests.filter(({ metadata }) => metadata.name === 'lb-certificates')
  expect(namesOf(hooks)).toEqual(['Job', 'Role', 'RoleBinding', 'ServiceAccount'].map((it) => `${it}/lb-certificates`))
  for (const { kind, metadata } of hooks) {
    expect(metadata.annotations).toEqual({
      'helm.sh/hook': 'pre-install,pre-upgrade',
      // Rights come before who uses them.
      'helm.sh/hook-weight': kind === 'Job' ? '0' : '-5',
      'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
    })
  }
  expect(one(manifests, 'Role', 'lb-certificates').rules).toEqual([
    { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
    {
      apiGroups: [''],
      resources: ['secrets'],
      resourceNames: ['landbridge-ca', 'lb-gateway-tls'],
      verbs: ['get', 'update'],
    },
  ])
  expect(environmentOf(containerOf(manifests, 'lb-certificates'))).toEqual({
    LANDBRIDGE_MESH: 'landbridge.local',
    LANDBRIDGE_REGION: 'us-east',
    LANDBRIDGE_NAMESPACE: NAMESPACE,
    LANDBRIDGE_CA_SECRET: 'landbridge-ca',
    LANDBRIDGE_TLS_SECRET: 'lb-gateway-tls',
    LANDBRIDGE_DNS_NAMES: [...NAMES, 'localhost'].join(','),
  })
  const tls = { name: 'tls', secret: { secretName: 'lb-gateway-tls' } }
  expect(mountedSecrets(manifests)).toEqual([tls, tls])
})

test('cert-manager: a Certificate that names the region and its Services', () => {
  const manifests = render(MATRIX['cert-manager'])
  expect(one(manifests, 'Certificate').spec).toMatchObject({
    secretName: 'lb-gateway-tls',
    uris: ['spiffe://landbridge.local/region/us-east'],
    dnsNames: [...NAMES, 'localhost', 'us-east.mesh.example'],
    usages: ['digital signature', 'server auth', 'client auth'],
    privateKey: { algorithm: 'ECDSA', rotationPolicy: 'Always' },
    issuerRef: { name: 'landbridge-ca', kind: 'ClusterIssuer', group: 'cert-manager.io' },
  })
  expect(namesOf(manifests).filter((name) => /Issuer|certificates/.test(name))).toEqual([])
})

test('cert-manager, with an Issuer of the chart that signs with the CA of the mesh', () => {
  const manifests = render(MATRIX['cert-manager with an Issuer of the chart'])
  expect(one(manifests, 'Issuer', 'lb-ca').spec).toEqual({ ca: { secretName: 'mesh-ca' } })
  expect(one(manifests, 'Certificate').spec).toMatchObject({ issuerRef: { name: 'lb-ca', kind: 'Issuer' } })
})

test('given: the Secret is mounted, and nothing makes certificates', () => {
  const manifests = render(MATRIX['given certificates'])
  const tls = { name: 'tls', secret: { secretName: 'mine' } }
  expect(mountedSecrets(manifests)).toEqual([tls, tls])
  expect(namesOf(manifests).filter((name) => /certificates|Issuer|Certificate/.test(name))).toEqual([])
  expect(refusal({ region: 'a', certificates: { mode: 'existing' } })).toContain(
    'certificates.existingSecret: is empty, wanted the name of a Secret with tls.crt, tls.key and ca.crt',
  )
})

test('names follow the release and the domain of the cluster', () => {
  const { LANDBRIDGE_DNS_NAMES: names } = environmentOf(
    containerOf(render(MATRIX['everything on top']), 'mesh-certificates'),
  )
  expect(names?.split(',')).toContain('mesh-gateway.mesh.svc.k8s.example')
})
