import type { Values } from './helm.ts'

const LABELS = { team: 'mesh' }
const POD_OPTIONS = {
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  tolerations: [{ key: 'mesh', operator: 'Exists' }],
  affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'DoNotSchedule' },
  ],
  priorityClassName: 'high',
  podAnnotations: { 'example.com/note': 'a' },
  podLabels: LABELS,
  extraEnv: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=512' }],
}
const EXTRAS = {
  extraVolumes: [{ name: 'more', emptyDir: {} }],
  extraVolumeMounts: [{ name: 'more', mountPath: '/more' }],
  extraContainers: [{ name: 'beside', image: 'exporter:1.0' }],
  merge: { spec: { hostNetwork: false, shareProcessNamespace: true } },
}
const REFS = { parentRefs: [{ name: 'public' }], hostnames: ['mesh.example.com'] }

/** Values by what they are for: together they take every branch of every template. */
export const MATRIX: Readonly<Record<string, Values>> = {
  defaults: {},
  'trying out': {
    nats: { replicas: 1, storage: { size: '1Gi', ephemeral: true }, syncInterval: '2m' },
    gateway: { replicas: 1 },
    networkPolicy: { enabled: false },
  },
  'external NATS': {
    nats: {
      mode: 'external',
      external: {
        urls: ['tls://nats-0.example:4222', 'tls://nats-1.example:4222'],
        domain: 'hub',
        credentialsSecret: 'nats-user',
        caSecret: 'nats-ca',
      },
    },
  },
  'external NATS without credentials': { nats: { mode: 'external', external: { urls: ['nats://nats.example:4222'] } } },
  'cert-manager': { certificates: { mode: 'certManager', dnsNames: ['us-east.mesh.example'] } },
  'cert-manager with an Issuer of the chart': {
    certificates: { mode: 'certManager', certManager: { createIssuer: true }, caSecret: 'mesh-ca' },
  },
  'given certificates': { certificates: { mode: 'existing', existingSecret: 'mine' } },
  'one tenant, no operator rights outside': {
    crds: { upgrade: false },
    operator: { watchNamespace: 'acme', tenant: 'acme-eu', replicas: 2 },
  },
  'no operator': { operator: { enabled: false }, monitoring: { serviceMonitor: { enabled: true } } },
  autoscaling: { gateway: { autoscaling: { enabled: true } }, operator: { replicas: 2 } },
  'load balancer': {
    gateway: {
      drainSeconds: 60,
      service: {
        type: 'LoadBalancer',
        port: 443,
        annotations: { 'example.com/load-balancer': 'internal' },
        externalTrafficPolicy: 'Local',
        loadBalancerClass: 'example.com/network',
        loadBalancerSourceRanges: ['10.0.0.0/8'],
        merge: { spec: { ipFamilyPolicy: 'PreferDualStack' } },
      },
    },
  },
  'node port': { gateway: { service: { type: 'NodePort', headless: false } } },
  'gateway API': {
    gateway: {
      gatewayApi: { grpcRoute: { enabled: true, ...REFS, caConfigMap: 'ca' }, tlsRoute: { enabled: true, ...REFS } },
    },
  },
  'gateway API without host names': {
    gateway: { gatewayApi: { grpcRoute: { enabled: true, parentRefs: REFS.parentRefs } } },
  },
  tokens: {
    auth: {
      clientCertificates: 'required',
      jwt: { issuer: 'https://issuer.example', audience: 'mesh', jwksUrl: 'https://issuer.example/keys' },
      admins: ['sub:alice', 'group:operators'],
    },
  },
  monitoring: {
    monitoring: {
      podMonitor: { enabled: true, labels: LABELS, interval: '30s' },
      serviceMonitor: { enabled: true, labels: LABELS },
      prometheusRule: { enabled: true, labels: LABELS },
      dashboards: { enabled: true },
    },
  },
  'network policies': {
    networkPolicy: {
      enabled: true,
      clients: [{ namespaceSelector: { matchLabels: LABELS } }],
      monitoring: [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }],
    },
  },
  'network policies of an external NATS': {
    nats: { mode: 'external', external: { urls: ['nats://nats.example:4222'] } },
    networkPolicy: { enabled: true },
    operator: { enabled: false },
  },
  images: {
    image: { registry: 'registry.example:5000', repository: 'mesh/landbridge', digest: `sha256:${'a'.repeat(64)}` },
    nats: { image: { registry: 'registry.example:5000', tag: '2.15.2-scratch' } },
    imagePullSecrets: [{ name: 'registry' }],
  },
  'everything on top': {
    nameOverride: 'mesh',
    commonLabels: LABELS,
    clusterDomain: 'k8s.example',
    gateway: {
      ...POD_OPTIONS,
      ...EXTRAS,
      podDisruptionBudget: { enabled: false },
      preStopSeconds: 0,
      reflection: false,
      otlpEndpoint: 'http://collector:4318',
    },
    operator: { ...POD_OPTIONS, ...EXTRAS, otlpEndpoint: 'http://collector:4318' },
    nats: { ...POD_OPTIONS, ...EXTRAS, extraConfig: 'max_connections: 1000', storage: { className: 'fast' } },
    extraObjects: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{ .Release.Name }}-more' }, data: { a: 'b' } },
    ],
  },
  merges: {
    gateway: {
      autoscaling: { enabled: true, merge: { spec: { behavior: { scaleUp: { stabilizationWindowSeconds: 60 } } } } },
      podDisruptionBudget: { merge: { spec: { unhealthyPodEvictionPolicy: 'IfHealthyBudget' } } },
    },
    nats: {
      configMap: { merge: { data: { 'more.conf': 'max_connections: 1000' } } },
      podDisruptionBudget: { merge: { metadata: { annotations: { 'example.com/note': 'a' } } } },
    },
    monitoring: {
      podMonitor: { enabled: true, merge: { spec: { sampleLimit: 5000 } } },
      serviceMonitor: { enabled: true, merge: { spec: { sampleLimit: 6000 } } },
      prometheusRule: { enabled: true, merge: { metadata: { annotations: { 'example.com/note': 'a' } } } },
    },
  },
  'crossing the boundaries of names': { nameOverride: 'a'.repeat(40), region: 'r'.repeat(63) },
}
