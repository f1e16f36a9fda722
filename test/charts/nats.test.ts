import { expect, test } from 'vitest'
import { namesOf, one, refusal, render } from './helm.ts'
import { MATRIX } from './matrix.ts'
import { containerOf, environmentOf, podOf } from './pods.ts'

const NATS = 'lb-nats'

function configOf(values: object): string {
  return one(render({ ...values }), 'ConfigMap', NATS).data?.['nats.conf'] ?? ''
}

test('embedded: three servers on volumes that outlive everything', () => {
  const manifests = render()
  expect(one(manifests, 'StatefulSet', NATS).spec).toMatchObject({
    replicas: 3,
    serviceName: 'lb-nats-headless',
    podManagementPolicy: 'Parallel',
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } },
      },
    ],
  })
  expect(one(manifests, 'Service', 'lb-nats-headless').spec).toMatchObject({
    clusterIP: 'None',
    publishNotReadyAddresses: true,
  })
  expect(one(manifests, 'PodDisruptionBudget', NATS).spec).toMatchObject({ maxUnavailable: 1 })
  const config = configOf({})
  expect(config).toContain('sync_interval: "always"')
  expect(config).toContain('max_file_store: 9216MiB')
  expect(config).toContain('nats://lb-nats-2.lb-nats-headless.mesh.svc:6222')
})

test('gateways and operator dial each server by a name that its Service answers', () => {
  const manifests = render()
  const servers = [0, 1, 2].map((index) => `nats://lb-nats-${index}.lb-nats-headless.mesh.svc:4222`).join(',')
  for (const name of ['lb-gateway', 'lb-operator']) {
    expect(environmentOf(containerOf(manifests, name))).toMatchObject({
      LANDBRIDGE_NATS_SERVERS: servers,
      LANDBRIDGE_REPLICAS: '3',
    })
  }
})

test('a server of three leaves as a lame duck, within its grace', () => {
  const manifests = render()
  expect(containerOf(manifests, NATS)).toMatchObject({
    lifecycle: { preStop: { exec: { command: ['/nats-server', '-sl=ldm=/run/nats/nats.pid'] } } },
  })
  expect(podOf(manifests, NATS).spec.terminationGracePeriodSeconds).toBe(60)
  expect(configOf({})).toContain('lame_duck_duration: "30s"')
  expect(containerOf(render(MATRIX['trying out']), NATS).lifecycle).toBeUndefined()
})

test('for trying out: one server, no cluster, nothing that stays', () => {
  const manifests = render(MATRIX['trying out'])
  const { spec } = one(manifests, 'StatefulSet', NATS)
  expect(spec).toMatchObject({ replicas: 1 })
  expect(spec).not.toHaveProperty('volumeClaimTemplates')
  expect(podOf(manifests, NATS).spec.volumes).toContainEqual({ name: 'data', emptyDir: { sizeLimit: '1Gi' } })
  const config = configOf(MATRIX['trying out'] ?? {})
  expect(config).not.toContain('cluster {')
  expect(config).toContain('sync_interval: "2m"')
  expect(config).toContain('max_file_store: 921MiB')
})

test('a changed configuration restarts the servers, a new version of the chart does not', () => {
  const pod = (values: object) => podOf(render({ ...values }), NATS)
  expect(pod({ nats: { extraConfig: 'max_connections: 5' } }).metadata.annotations).not.toEqual(
    pod({}).metadata.annotations,
  )
  expect(Object.keys(pod({}).metadata.labels ?? {})).not.toContain('helm.sh/chart')
  expect(Object.keys(pod({}).metadata.labels ?? {})).not.toContain('app.kubernetes.io/version')
})

test('external: no server, and what is needed to reach yours', () => {
  const manifests = render(MATRIX['external NATS'])
  expect(namesOf(manifests).filter((name) => name.includes(NATS))).toEqual([])
  for (const name of ['lb-gateway', 'lb-operator']) {
    const container = containerOf(manifests, name)
    expect(environmentOf(container)).toMatchObject({
      LANDBRIDGE_NATS_SERVERS: 'tls://nats-0.example:4222,tls://nats-1.example:4222',
      LANDBRIDGE_NATS_DOMAIN: 'hub',
      LANDBRIDGE_NATS_CREDENTIALS: '/etc/landbridge/nats-credentials/nats.creds',
      LANDBRIDGE_NATS_CA: '/etc/landbridge/nats-ca/ca.crt',
    })
    expect(container.volumeMounts?.map(({ mountPath }) => mountPath)).toEqual(
      expect.arrayContaining(['/etc/landbridge/nats-credentials', '/etc/landbridge/nats-ca']),
    )
    expect(podOf(manifests, name).spec.volumes).toEqual(
      expect.arrayContaining([
        { name: 'nats-credentials', secret: { secretName: 'nats-user' } },
        { name: 'nats-ca', secret: { secretName: 'nats-ca' } },
      ]),
    )
  }
  expect(refusal({ region: 'a', nats: { mode: 'external' } })).toContain(
    'nats.external.urls: is empty, wanted the URLs of your NATS servers',
  )
})

test('what a user adds lands in the pod, the claim and the configuration', () => {
  const manifests = render(MATRIX['everything on top'])
  const { metadata, spec } = podOf(manifests, 'mesh-nats')
  expect(metadata).toMatchObject({
    labels: { team: 'mesh' },
    annotations: { 'example.com/note': 'a', 'landbridge.dev/config': expect.any(String) },
  })
  expect(spec.containers.map(({ name }) => name)).toEqual(['nats', 'beside'])
  expect(spec).toMatchObject({ priorityClassName: 'high', shareProcessNamespace: true })
  expect(spec.volumes).toContainEqual({ name: 'more', emptyDir: {} })
  expect(one(manifests, 'StatefulSet', 'mesh-nats').spec).toMatchObject({
    volumeClaimTemplates: [{ spec: { storageClassName: 'fast' } }],
  })
  expect(one(manifests, 'ConfigMap', 'mesh-nats').data?.['nats.conf']).toContain('max_connections: 1000')
})
