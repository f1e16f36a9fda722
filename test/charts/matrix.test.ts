import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ensureSchemas } from '../../scripts/schemas/schemas.ts'
import { ensureTool } from '../../scripts/tool.mjs'
import { CHART, lint, MINIMAL, one, render, renderText } from './helm.ts'
import { MATRIX } from './matrix.ts'
import { podsOf } from './pods.ts'

const cases = Object.entries(MATRIX).map(([name, values]) => ({ name, values: { ...MINIMAL, ...values } }))
const kubeconform = await ensureTool('kubeconform')
const schemas = await ensureSchemas()

function conforms(text: string): string {
  const location = `${schemas}/{{.ResourceKind}}{{.KindSuffix}}.json`
  const args = ['-strict', '-summary', '-schema-location', location, '-']
  const { stdout, stderr, status } = spawnSync(kubeconform, args, { input: text, encoding: 'utf8' })
  return status === 0 ? '' : `${stdout}${stderr}`
}

test.for(cases)('$name: helm lint --strict and kubeconform -strict find nothing', ({ values }) => {
  const { stdout, stderr, status } = lint(values)
  expect(status, `${stdout}${stderr}`).toBe(0)
  expect(conforms(renderText(values))).toBe('')
})

test('kubeconform knows the kinds of others, and refuses a field that they have not', () => {
  const text = renderText({ ...MINIMAL, ...MATRIX.monitoring })
  expect(conforms(text.replace('podMetricsEndpoints:', 'podMetricEndpoints:'))).toContain('podMetricEndpoints')
  expect(conforms(text.replace('kind: PodMonitor', 'kind: PodMonitors'))).toContain('could not find schema')
})

test('the resource definitions conform', () => {
  const files = readdirSync(join(CHART, 'crds'))
  expect(files.length).toBeGreaterThan(2)
  for (const file of files) expect(conforms(readFileSync(join(CHART, 'crds', file), 'utf8')), file).toBe('')
})

test.for(cases)('$name: every pod is of the restricted profile and has bounds', ({ values }) => {
  const pods = podsOf(render(values))
  expect(pods.length).toBeGreaterThan(0)
  for (const { owner, spec } of pods) {
    const name = `${owner.kind} ${owner.metadata.name}`
    expect(spec, name).toMatchObject({
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        fsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    })
    const ours = spec.containers.filter((container) => container.name !== 'beside')
    expect(ours.length).toBe(1)
    for (const container of ours) {
      expect(container, name).toMatchObject({
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        resources: {
          requests: { cpu: expect.anything(), memory: expect.anything() },
          limits: { memory: expect.anything() },
        },
      })
      expect(container.image, name).toMatch(/:[^/:]+$/)
      expect(container.image, name).not.toMatch(/:latest$/)
    }
  }
})

test.for(cases)('$name: mounts have volumes, probes have ports, and volumes are not asked for twice', ({ values }) => {
  for (const { owner, spec } of podsOf(render(values))) {
    const volumes = (spec.volumes ?? []).map(({ name }) => name)
    expect(new Set(volumes).size, owner.metadata.name).toBe(volumes.length)
    const claims =
      (owner.spec as { volumeClaimTemplates?: { metadata: { name: string } }[] }).volumeClaimTemplates ?? []
    const known = [...volumes, ...claims.map(({ metadata }) => metadata.name)]
    for (const { volumeMounts = [], ports = [], startupProbe, readinessProbe, livenessProbe } of spec.containers) {
      for (const mount of volumeMounts) expect(known, owner.metadata.name).toContain(mount.name)
      for (const probe of [startupProbe, readinessProbe, livenessProbe].filter((it) => it !== undefined)) {
        expect(ports.map(({ name }) => name)).toContain(probe.httpGet.port)
      }
    }
  }
})

type Selecting = { readonly kind: string; readonly selector: Readonly<Record<string, string>>; readonly name: string }

/** Everything that selects pods by labels. */
function selectors(values: object): readonly Selecting[] {
  return render({ ...values }).flatMap(({ kind, metadata: { name }, spec }) => {
    const { selector, podSelector } = (spec ?? {}) as {
      readonly selector?: Readonly<Record<string, unknown>>
      readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> }
    }
    if (kind === 'NetworkPolicy' && podSelector !== undefined)
      return [{ kind, name, selector: podSelector.matchLabels }]
    if (kind === 'ServiceMonitor' || selector === undefined) return []
    const { matchLabels = selector } = selector as { readonly matchLabels?: unknown }
    return [{ kind, name, selector: matchLabels as Readonly<Record<string, string>> }]
  })
}

test.for(cases)('$name: whatever selects pods finds some, and Services find their port', ({ values }) => {
  const manifests = render(values)
  const pods = podsOf(manifests)
  for (const { kind, name, selector } of selectors(values)) {
    const found = pods.filter(({ metadata: { labels = {} } }) =>
      Object.entries(selector).every(([key, value]) => labels[key] === value),
    )
    expect(found.length, `${kind} ${name}`).toBeGreaterThan(0)
    // A test pod or a hook must never get a share of the calls.
    if (kind !== 'PodMonitor') expect(found.length, `${kind} ${name}`).toBe(1)
    if (kind !== 'Service') continue
    const { ports } = one(manifests, kind, name).spec as { readonly ports: readonly { readonly targetPort: string }[] }
    const offered = found.flatMap(({ spec }) => spec.containers.flatMap((container) => container.ports ?? []))
    for (const { targetPort } of ports) expect(offered.map((port) => port.name)).toContain(targetPort)
  }
})

test.for(cases)(
  '$name: names are unique and short enough for a label, and everything says whose it is',
  ({ values }) => {
    const manifests = render(values)
    const names = manifests.map(
      ({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.namespace} ${metadata.name}`,
    )
    expect(new Set(names).size).toBe(names.length)
    for (const { kind, metadata } of manifests) {
      expect(metadata.name.length, metadata.name).toBeLessThanOrEqual(kind.startsWith('ClusterRole') ? 253 : 63)
      if (metadata.name.endsWith('-more')) continue
      expect(metadata.labels, `${kind} ${metadata.name}`).toMatchObject({
        'app.kubernetes.io/name': 'landbridge',
        'app.kubernetes.io/instance': 'lb',
        'app.kubernetes.io/part-of': 'landbridge',
        'app.kubernetes.io/managed-by': 'Helm',
      })
    }
  },
)
