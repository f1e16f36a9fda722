import { expect, test } from 'vitest'
import { valuesOf } from '../kubernetes/scenario/manifests.ts'
import { REGIONS } from '../kubernetes/scenario/region.ts'
import { CHART, type Manifest, namesOf, OLDER_CHART, render, type Values } from './helm.ts'
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

function immutable(values: Values, chart = CHART): Readonly<Record<string, object>> {
  return Object.fromEntries(
    render(values, { chart })
      .filter(({ kind }) => ['Deployment', 'StatefulSet', 'Service'].includes(kind))
      .map((manifest) => [`${manifest.kind}/${manifest.metadata.name}`, immutableOf(manifest)]),
  )
}

const BEFORE = immutable({}, OLDER_CHART)
const EVERYTHING = [
  'Deployment/lb-gateway',
  'Deployment/lb-operator',
  'Service/lb-gateway',
  'Service/lb-gateway-headless',
  'Service/lb-nats-headless',
  'StatefulSet/lb-nats',
]

test('an upgrade from the older chart changes nothing that cannot be changed', () => {
  expect(Object.keys(BEFORE).toSorted()).toEqual(EVERYTHING)
  expect(BEFORE['StatefulSet/lb-nats']).toMatchObject({ volumeClaimTemplates: [{ metadata: { name: 'data' } }] })
  expect(immutable({})).toEqual(BEFORE)
})

test('the older chart is another one', () => {
  const names = (chart: string) => namesOf(render({}, { chart }))
  expect(names(CHART)).not.toEqual(names(OLDER_CHART))
})

// Another volume, or another name, is another installation: the chart's README says how to get there.
const ELSEWHERE = new Set(['trying out', 'everything on top', 'crossing the boundaries of names'])
const cases = Object.entries(MATRIX)
  .filter(([name]) => !ELSEWHERE.has(name))
  .map(([name, values]) => ({ name, values }))

test.for(cases)('$name: an upgrade to these values changes nothing that cannot be changed', ({ values }) => {
  const after = immutable(values)
  for (const [object, fields] of Object.entries(BEFORE)) expect([undefined, fields]).toContainEqual(after[object])
  expect(Object.keys(after).length).toBeGreaterThan(0)
})

test('the values of the run on real pods are taken by both charts', () => {
  for (const region of REGIONS) {
    const values = valuesOf(region) as Values
    expect(immutable(values)).toEqual(immutable(values, OLDER_CHART))
  }
})

test('labels for everything do not get into what cannot be changed', () => {
  const values = {
    commonLabels: { team: 'mesh' },
    nats: { podLabels: { tier: 'store' } },
    gateway: { podLabels: { a: 'b' } },
  }
  expect(immutable(values)).toEqual(BEFORE)
})
