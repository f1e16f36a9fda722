import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { DASHBOARDS, grafanaOf } from '../../scripts/chart/dashboards/index.ts'
import { ensureTool } from '../../scripts/tool.mjs'
import { CHART, namesOf, one, render } from './helm.ts'
import { MATRIX } from './matrix.ts'
import { labelsOfMetrics, selectorsIn } from './metrics.ts'

const promtool = await ensureTool('promtool')
const TESTS = join(import.meta.dirname, 'alerts.promtool.yaml')
const FILES = ['alerts.yaml', 'operator-alerts.yaml'].map((file) => join(CHART, 'monitoring', file))

type Alert = { readonly alert: string; readonly expr: string; readonly labels: object; readonly annotations: object }
type Rules = { readonly groups: readonly { readonly name: string; readonly rules: readonly Alert[] }[] }

function alertsIn(rules: Rules): readonly Alert[] {
  return rules.groups.flatMap((group) => group.rules)
}

const ALERTS = FILES.flatMap((file) => alertsIn(parse(readFileSync(file, 'utf8')) as Rules))

function runPromtool(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: 'utf8' })
  return status === 0 ? '' : `${stdout}${stderr}`
}

test('promtool finds nothing wrong with the alerts, and they fire and stay quiet as they should', () => {
  expect(runPromtool('check', 'rules', '--lint=all', '--lint-fatal', ...FILES)).toBe('')
  expect(runPromtool('test', 'rules', TESTS)).toBe('')
})

test('every alert is shown firing, and shown quiet', () => {
  const { tests } = parse(readFileSync(TESTS, 'utf8')) as {
    readonly tests: readonly {
      readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[]
    }[]
  }
  const cases = tests.flatMap(({ alert_rule_test }) => alert_rule_test)
  const names = ALERTS.map(({ alert }) => alert).sort()
  const shown = (firing: boolean) =>
    [...new Set(cases.filter((it) => it.exp_alerts.length > 0 === firing).map((it) => it.alertname))].sort()
  expect(shown(true)).toEqual(names)
  expect(shown(false)).toEqual(names)
})

test('every alert says how bad it is, what is wrong and what to do', () => {
  for (const { alert, labels, annotations } of ALERTS) {
    expect(alert).toMatch(/^Landbridge[A-Z]/)
    expect(labels, alert).toEqual({ severity: expect.stringMatching(/^(warning|critical)$/) })
    expect(annotations, alert).toEqual({
      summary: expect.stringMatching(/.{15}/),
      description: expect.stringMatching(/.{15}/),
    })
  }
})

test('the PrometheusRule holds all of them, without an operator only those of gateways', () => {
  const rule = (values: object) =>
    one(render({ ...values, monitoring: { prometheusRule: { enabled: true } } }), 'PrometheusRule')
  expect(alertsIn(rule({}).spec as Rules)).toEqual(ALERTS)
  const { groups } = rule({ operator: { enabled: false } }).spec as Rules
  expect(groups.map(({ name }) => name)).toEqual(['landbridge-gateway'])
  expect(one(render(MATRIX.monitoring), 'PrometheusRule').metadata.labels).toMatchObject({ team: 'mesh' })
})

/** Every expression of alerts and dashboards by where it stands. */
function expressions(): readonly { readonly place: string; readonly expr: string }[] {
  const panels = DASHBOARDS.flatMap(({ name, rows }) =>
    rows.flatMap((row) =>
      row.panels.flatMap(({ title, queries }) => queries.map(({ expr }) => ({ place: `${name}, ${title}`, expr }))),
    ),
  )
  const choices = DASHBOARDS.flatMap(({ name, regionsOf, topicsOf }) => [
    { place: `${name}, region`, expr: `${regionsOf}{region=""}` },
    ...(topicsOf === undefined ? [] : [{ place: `${name}, topic`, expr: `${topicsOf}{topic=""}` }]),
  ])
  return [...ALERTS.map(({ alert, expr }) => ({ place: alert, expr })), ...panels, ...choices]
}

test('alerts and dashboards ask for metrics and labels that gateway and operator have', () => {
  const metrics = labelsOfMetrics()
  const wrong: string[] = []
  for (const { place, expr } of expressions()) {
    const selectors = selectorsIn(expr)
    expect(selectors.length, place).toBeGreaterThan(0)
    for (const { metric, labels } of selectors) {
      const known = metrics.get(metric)
      if (known === undefined) wrong.push(`${place}: there is no metric ${metric}`)
      for (const label of labels)
        if (known?.has(label) === false) wrong.push(`${place}: ${metric} has no label ${label}`)
    }
  }
  expect(wrong).toEqual([])
})

test('promtool reads every expression of the dashboards', () => {
  const rules = expressions().map(({ expr }, index) => ({
    record: `check:${index}`,
    expr: expr.replaceAll('$__rate_interval', '5m'),
  }))
  const folder = mkdtempSync(join(tmpdir(), 'landbridge-expressions-'))
  try {
    const file = join(folder, 'rules.yaml')
    writeFileSync(file, stringify({ groups: [{ name: 'expressions', rules }] }))
    expect(runPromtool('check', 'rules', file)).toBe('')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('dashboards come as files that Grafana takes: ids and places of panels do not clash', () => {
  for (const dashboard of DASHBOARDS) {
    const { panels, uid } = grafanaOf(dashboard) as {
      readonly uid: string
      readonly panels: readonly { readonly id: number; readonly gridPos: Record<'x' | 'y' | 'w' | 'h', number> }[]
    }
    expect(uid.length).toBeLessThanOrEqual(40)
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24)
      return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`)
    })
    expect(new Set(cells).size).toBe(cells.length)
  }
})

test('a ConfigMap for each dashboard, with the label that the sidecar selects by', () => {
  const manifests = render(MATRIX.monitoring)
  for (const dashboard of DASHBOARDS) {
    const { metadata, data } = one(manifests, 'ConfigMap', `lb-dashboard-${dashboard.name}`)
    expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' })
    expect(JSON.parse(data?.[`${dashboard.name}.json`] ?? '')).toEqual(grafanaOf(dashboard))
  }
  expect(namesOf(render()).filter((name) => /dashboard|Monitor|Rule/.test(name))).toEqual([])
})

test('monitors name region and component, whichever of them is used', () => {
  const manifests = render(MATRIX.monitoring)
  const region = [{ targetLabel: 'region', replacement: 'us-east' }]
  expect(one(manifests, 'PodMonitor')).toMatchObject({
    metadata: { labels: { team: 'mesh' } },
    spec: {
      selector: { matchExpressions: [{ key: 'app.kubernetes.io/component', values: ['gateway', 'operator'] }] },
      podTargetLabels: ['app.kubernetes.io/component'],
      podMetricsEndpoints: [{ port: 'http', path: '/metrics', interval: '30s', relabelings: region }],
    },
  })
  const { spec } = one(manifests, 'ServiceMonitor')
  expect(spec).toMatchObject({
    targetLabels: ['app.kubernetes.io/component'],
    endpoints: [{ port: 'http', path: '/metrics', interval: '15s', relabelings: region }],
  })
  const { matchLabels } = (spec as { readonly selector: { readonly matchLabels: object } }).selector
  const services = manifests.filter(
    (it) =>
      it.kind === 'Service' && Object.entries(matchLabels).every(([key, value]) => it.metadata.labels?.[key] === value),
  )
  expect(namesOf(services)).toEqual(['Service/lb-gateway-metrics', 'Service/lb-operator-metrics'])
  expect(namesOf(render(MATRIX['no operator']))).not.toContain('Service/lb-operator-metrics')
})
