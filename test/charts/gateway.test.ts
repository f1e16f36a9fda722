import { expect, test } from 'vitest'
import { namesOf, one, refusal, render } from './helm.ts'
import { MATRIX } from './matrix.ts'
import { containerOf, environmentOf, podOf } from './pods.ts'

const GATEWAY = 'lb-gateway'

test('a region without options: two gateways, spread, never fewer than before while they are replaced', () => {
  const manifests = render()
  expect(one(manifests, 'Deployment', GATEWAY).spec).toMatchObject({
    replicas: 2,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  })
  const { spec } = podOf(manifests, GATEWAY)
  expect(spec.automountServiceAccountToken).toBe(false)
  expect(spec.topologySpreadConstraints).toMatchObject(
    ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
      topologyKey,
      labelSelector: { matchLabels: { 'app.kubernetes.io/component': 'gateway' } },
    })),
  )
  expect(one(manifests, 'PodDisruptionBudget', GATEWAY).spec).toMatchObject({
    maxUnavailable: 1,
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
  })
  expect(one(manifests, 'ServiceAccount', GATEWAY)).toMatchObject({ automountServiceAccountToken: false })
  expect(namesOf(manifests)).not.toContain('HorizontalPodAutoscaler/lb-gateway')
})

test('a pod that ends waits for load balancers, then for calls, then has a margin', () => {
  const manifests = render({ gateway: { preStopSeconds: 35, drainSeconds: 60 } })
  expect(podOf(manifests, GATEWAY).spec.terminationGracePeriodSeconds).toBe(35 + 60 + 10)
  expect(containerOf(manifests, GATEWAY)).toMatchObject({ lifecycle: { preStop: { sleep: { seconds: 35 } } } })
  expect(environmentOf(containerOf(manifests, GATEWAY))).toMatchObject({ LANDBRIDGE_DRAIN_SECONDS: '60' })
})

test('the wait is as long as it takes those who send connections to notice', () => {
  const wait = (gateway: object) => containerOf(render({ gateway }), GATEWAY).lifecycle
  const sleep = (seconds: number) => ({ preStop: { sleep: { seconds } } })
  expect(wait({})).toEqual(sleep(5))
  expect(wait({ service: { type: 'NodePort' } })).toEqual(sleep(5))
  expect(wait({ service: { type: 'LoadBalancer' } })).toEqual(sleep(35))
  expect(wait({ preStopSeconds: 12, service: { type: 'LoadBalancer' } })).toEqual(sleep(12))
  const behind = podOf(render(MATRIX['load balancer']), GATEWAY).spec
  expect(behind.terminationGracePeriodSeconds).toBe(35 + 60 + 10)
})

test('without a wait there is no hook: older clusters refuse a sleep of nothing', () => {
  for (const service of [{}, { type: 'LoadBalancer' }]) {
    const manifests = render({ gateway: { preStopSeconds: 0, service } })
    expect(containerOf(manifests, GATEWAY).lifecycle).toBeUndefined()
  }
})

test('a NATS that is away makes gateways unready, and restarts none', () => {
  expect(containerOf(render(), GATEWAY)).toMatchObject({
    startupProbe: { httpGet: { path: '/healthz' } },
    livenessProbe: { httpGet: { path: '/healthz' } },
    readinessProbe: { httpGet: { path: '/readyz' } },
  })
})

test('with autoscaling the Deployment leaves the number of pods alone', () => {
  const manifests = render(MATRIX.autoscaling)
  expect(one(manifests, 'Deployment', GATEWAY).spec).not.toHaveProperty('replicas')
  expect(one(manifests, 'HorizontalPodAutoscaler').spec).toMatchObject({
    scaleTargetRef: { kind: 'Deployment', name: GATEWAY },
    minReplicas: 2,
    maxReplicas: 5,
    behavior: { scaleDown: { policies: [{ type: 'Pods', value: 1 }] } },
  })
  const wrong = { region: 'a', gateway: { autoscaling: { enabled: true, minReplicas: 7 } } }
  expect(refusal(wrong)).toContain('gateway.autoscaling: minReplicas is 7, wanted at most maxReplicas, which is 5')
})

test('Services: one for clients, one that names every gateway', () => {
  const manifests = render()
  const port = { name: 'grpc', port: 7443, targetPort: 'grpc', appProtocol: 'https' }
  expect(one(manifests, 'Service', GATEWAY).spec).toMatchObject({ type: 'ClusterIP', ports: [port] })
  expect(one(manifests, 'Service', GATEWAY).spec).not.toHaveProperty('externalTrafficPolicy')
  expect(one(manifests, 'Service', `${GATEWAY}-headless`).spec).toMatchObject({ clusterIP: 'None', ports: [port] })
})

test('a load balancer gets what it needs; nothing of it elsewhere', () => {
  const { metadata, spec } = one(render(MATRIX['load balancer']), 'Service', GATEWAY)
  expect(metadata.annotations).toEqual({ 'example.com/load-balancer': 'internal' })
  expect(spec).toMatchObject({
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    loadBalancerClass: 'example.com/network',
    loadBalancerSourceRanges: ['10.0.0.0/8'],
    ipFamilyPolicy: 'PreferDualStack',
    ports: [{ port: 443, targetPort: 'grpc' }],
  })
  const nodePort = render(MATRIX['node port'])
  expect(one(nodePort, 'Service', GATEWAY).spec).toMatchObject({ type: 'NodePort', externalTrafficPolicy: 'Cluster' })
  expect(one(nodePort, 'Service', GATEWAY).spec).not.toHaveProperty('loadBalancerClass')
  expect(namesOf(nodePort)).not.toContain('Service/lb-gateway-headless')
})

test('a GRPCRoute for services and a TLSRoute for peers', () => {
  const manifests = render(MATRIX['gateway API'])
  const backend = { name: GATEWAY, port: 7443 }
  expect(one(manifests, 'GRPCRoute')).toMatchObject({
    apiVersion: 'gateway.networking.k8s.io/v1',
    spec: { parentRefs: [{ name: 'public' }], hostnames: ['mesh.example.com'], rules: [{ backendRefs: [backend] }] },
  })
  expect(one(manifests, 'BackendTLSPolicy').spec).toMatchObject({
    targetRefs: [{ kind: 'Service', name: GATEWAY }],
    validation: { hostname: 'lb-gateway.mesh.svc', caCertificateRefs: [{ kind: 'ConfigMap', name: 'ca' }] },
  })
  expect(one(manifests, 'TLSRoute')).toMatchObject({
    apiVersion: 'gateway.networking.k8s.io/v1alpha2',
    spec: { hostnames: ['mesh.example.com'], rules: [{ backendRefs: [backend] }] },
  })
  const newer = ['--api-versions', 'gateway.networking.k8s.io/v1/TLSRoute']
  expect(one(render(MATRIX['gateway API'], { arguments: newer }), 'TLSRoute').apiVersion).toBe(
    'gateway.networking.k8s.io/v1',
  )
  const without = render(MATRIX['gateway API without host names'])
  expect(one(without, 'GRPCRoute').spec).not.toHaveProperty('hostnames')
  expect(namesOf(without).filter((name) => /TLS/.test(name))).toEqual([])
})

test('a route to nowhere is refused', () => {
  const refused = (gatewayApi: object) => refusal({ region: 'a', gateway: { gatewayApi } })
  expect(refused({ grpcRoute: { enabled: true } })).toContain('grpcRoute.parentRefs: is empty, wanted a Gateway')
  expect(refused({ tlsRoute: { enabled: true } })).toContain('tlsRoute.parentRefs: is empty, wanted a Gateway')
  expect(refused({ tlsRoute: { enabled: true, parentRefs: [{ name: 'a' }] } })).toContain(
    'tlsRoute.hostnames: is empty, wanted the names that other regions dial',
  )
})

test('tokens: all three values, or none', () => {
  expect(environmentOf(containerOf(render(MATRIX.tokens), GATEWAY))).toMatchObject({
    LANDBRIDGE_CLIENT_CERTIFICATES: 'required',
    LANDBRIDGE_JWT_ISSUER: 'https://issuer.example',
    LANDBRIDGE_JWT_AUDIENCE: 'mesh',
    LANDBRIDGE_JWKS_URL: 'https://issuer.example/keys',
    LANDBRIDGE_ADMINS: 'spiffe:spiffe://landbridge.local/region/us-east,sub:alice,group:operators',
  })
  expect(environmentOf(containerOf(render(), GATEWAY))).not.toHaveProperty('LANDBRIDGE_JWT_ISSUER')
  const wanted = 'is empty, wanted all of issuer, audience and jwksUrl, or none'
  const url = 'https://issuer.example'
  for (const [missing, jwt] of Object.entries({
    issuer: { audience: 'mesh', jwksUrl: url },
    audience: { issuer: url, jwksUrl: url },
    jwksUrl: { issuer: url, audience: 'mesh' },
  })) {
    expect(refusal({ region: 'a', auth: { jwt } })).toContain(`auth.jwt.${missing}: ${wanted}`)
  }
})

test('what a user adds lands in the pod, and the merge wins', () => {
  const manifests = render(MATRIX['everything on top'])
  const { metadata, spec } = podOf(manifests, 'mesh-gateway')
  expect(metadata).toMatchObject({ labels: { team: 'mesh' }, annotations: { 'example.com/note': 'a' } })
  expect(spec).toMatchObject({
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'mesh', operator: 'Exists' }],
    affinity: expect.anything(),
    priorityClassName: 'high',
    shareProcessNamespace: true,
    topologySpreadConstraints: [{ whenUnsatisfiable: 'DoNotSchedule' }],
  })
  expect(spec.containers.map(({ name }) => name)).toEqual(['gateway', 'beside'])
  expect(spec.volumes).toContainEqual({ name: 'more', emptyDir: {} })
  const gateway = containerOf(manifests, 'mesh-gateway')
  expect(gateway.volumeMounts).toContainEqual({ name: 'more', mountPath: '/more' })
  expect(environmentOf(gateway)).toMatchObject({
    NODE_OPTIONS: '--max-old-space-size=512',
    LANDBRIDGE_REFLECTION: 'off',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
  })
  expect(environmentOf(containerOf(manifests, 'mesh-operator'))).toMatchObject({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
  })
  expect(namesOf(manifests)).not.toContain('PodDisruptionBudget/mesh-gateway')
  expect(one(manifests, 'ConfigMap', 'lb-more').data).toEqual({ a: 'b' })
})
