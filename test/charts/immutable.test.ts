import { expect, test } from 'vitest'
import { type Manifest, render } from './helm.ts'
import { MATRIX } from './matrix.ts'

/** What Kubernetes does not let anybody change once an object is there, as far as this chart has it. */
function immutableOf({ kind, spec = {} }: Manifest): object {
  const { selector, serviceName, podManagementPolicy, volumeClaimTemplates, clusterIP } = spec as {
    readonly selector?: object
    readonly serviceName?: string
    readonly podManagementPolicy?: string
    readonly volumeClaimTemplates?: readonly object[]
    readonly clusterIP?: string
  }
  if (kind === 'Deployment') return { selector }
  if (kind === 'Service') return { headless: clusterIP === 'None' }
  return { selector, serviceName, podManagementPolicy, volumeClaimTemplates }
}

function immutable(values: object): Readonly<Record<string, object>> {
  return Object.fromEntries(
    render({ ...values })
      .filter(({ kind }) => ['Deployment', 'StatefulSet', 'Service'].includes(kind))
      .map((manifest) => [`${manifest.kind}/${manifest.metadata.name}`, immutableOf(manifest)]),
  )
}

// There is no released chart yet: once there is, its objects belong here, too. Until then the fields themselves are pinned.
const SELECTOR = (component: string) => ({
  matchLabels: {
    'app.kubernetes.io/name': 'landbridge',
    'app.kubernetes.io/instance': 'lb',
    'app.kubernetes.io/component': component,
  },
})
const PINNED: Readonly<Record<string, object>> = {
  'Deployment/lb-gateway': { selector: SELECTOR('gateway') },
  'Deployment/lb-operator': { selector: SELECTOR('operator') },
  'StatefulSet/lb-nats': {
    selector: SELECTOR('nats'),
    serviceName: 'lb-nats-headless',
    podManagementPolicy: 'Parallel',
    volumeClaimTemplates: [
      {
        metadata: { name: 'data', labels: SELECTOR('nats').matchLabels },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } },
      },
    ],
  },
  'Service/lb-gateway': { headless: false },
  'Service/lb-gateway-headless': { headless: true },
  'Service/lb-nats-headless': { headless: true },
}

test('what cannot be changed is as it has always been', () => {
  expect(immutable({})).toEqual(PINNED)
})

// Another volume, or another name, is another installation: the chart's README says how to get there.
const ELSEWHERE = new Set(['trying out', 'everything on top', 'crossing the boundaries of names'])
const cases = Object.entries(MATRIX)
  .filter(([name]) => !ELSEWHERE.has(name))
  .map(([name, values]) => ({ name, values }))

test.for(cases)('$name: an upgrade to these values changes nothing that cannot be changed', ({ values }) => {
  const after = immutable(values)
  for (const [object, fields] of Object.entries(PINNED)) expect([undefined, fields]).toContainEqual(after[object])
  expect(Object.keys(after).length).toBeGreaterThan(0)
})

test('labels for everything do not get into what cannot be changed', () => {
  const values = {
    commonLabels: { team: 'mesh' },
    nats: { podLabels: { tier: 'store' } },
    gateway: { podLabels: { a: 'b' } },
  }
  expect(immutable(values)).toEqual(PINNED)
})
