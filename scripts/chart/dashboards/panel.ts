/** One line of a panel: PromQL, and its legend, in which {{label}} stands for a label. */
export type Query = { readonly expr: string; readonly legend: string }

/** What a panel shows. */
export type Panel = {
  readonly title: string
  /** What to make of it. */
  readonly description: string
  readonly type: 'timeseries' | 'stat' | 'table'
  /** Grafana's name of the unit: "s", "bytes", "reqps", "short" ... */
  readonly unit: string
  readonly queries: readonly Query[]
  /** Values from which on the panel turns orange and red; without them it stays as it is. */
  readonly alarm?: { readonly orange?: number; readonly red: number }
  /** Of 24 columns; default 8. */
  readonly width?: number
}

/** Panels under a heading. */
export type Row = { readonly title: string; readonly panels: readonly Panel[] }

/** A dashboard. */
export type Dashboard = {
  /** Name of the file, and end of the dashboard's uid. */
  readonly name: string
  readonly title: string
  readonly description: string
  /** A metric that every process on the dashboard has: its regions can be chosen. */
  readonly regionsOf: string
  /** A metric with a label "topic" whose topics can be chosen; undefined: no choice. */
  readonly topicsOf?: string
  readonly rows: readonly Row[]
}

const DATASOURCE = { type: 'prometheus', uid: '$datasource' }
const WIDTH = 8
const COLUMNS = 24
const HEIGHTS = { timeseries: 8, stat: 4, table: 8 } as const

/** The panel by its share over time: `rate` of a counter, summed by labels. */
export function rateBy(labels: string, counter: string, selector: string): string {
  return `sum by (${labels}) (rate(${counter}{${selector}}[$__rate_interval]))`
}

/** A quantile of a histogram, by labels ("" for none). */
export function quantileBy(quantile: number, labels: string, histogram: string, selector: string): string {
  const by = labels === '' ? 'le' : `le, ${labels}`
  return `histogram_quantile(${quantile}, sum by (${by}) (rate(${histogram}_bucket{${selector}}[$__rate_interval])))`
}

/** The dashboard as Grafana (10 or newer) reads it. */
export function grafanaOf(dashboard: Dashboard): unknown {
  const { name, title, description } = dashboard
  return {
    uid: `landbridge-${name}`,
    title,
    description,
    tags: ['landbridge'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    links: [{ title: 'Landbridge', type: 'dashboards', tags: ['landbridge'], asDropdown: true, keepTime: true }],
    templating: { list: variablesOf(dashboard) },
    panels: placed(dashboard.rows),
  }
}

function variablesOf({ regionsOf, topicsOf }: Dashboard): readonly unknown[] {
  const datasource = { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' }
  const variable = (label: string, from: string) => ({
    name: label,
    label: `${label[0]?.toUpperCase()}${label.slice(1)}`,
    type: 'query',
    datasource: DATASOURCE,
    query: { query: `label_values(${from}, ${label})`, refId: label },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: ['All'], value: ['$__all'] },
  })
  const region = variable('region', regionsOf)
  return topicsOf === undefined ? [datasource, region] : [datasource, region, variable('topic', topicsOf)]
}

/** Panels from left to right, row by row; headings between them. */
function placed(rows: readonly Row[]): readonly unknown[] {
  const result: unknown[] = []
  let y = 0
  for (const { title, panels } of rows) {
    result.push({
      id: result.length + 1,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: at(0, y, COLUMNS, 1),
    })
    y += 1
    let x = 0
    let tallest = 0
    for (const panel of panels) {
      const width = panel.width ?? WIDTH
      if (x + width > COLUMNS) {
        x = 0
        y += tallest
        tallest = 0
      }
      const height = HEIGHTS[panel.type]
      result.push(panelOf(panel, result.length + 1, at(x, y, width, height)))
      x += width
      tallest = Math.max(tallest, height)
    }
    y += tallest
  }
  return result
}

function at(x: number, y: number, w: number, h: number) {
  return { x, y, w, h }
}

function panelOf(panel: Panel, id: number, gridPos: unknown): unknown {
  const { title, description, type, unit, queries, alarm } = panel
  return {
    id,
    type,
    title,
    description,
    gridPos,
    datasource: DATASOURCE,
    fieldConfig: { defaults: { unit, ...thresholdsOf(alarm), ...(type === 'timeseries' ? LINES : {}) }, overrides: [] },
    options: OPTIONS[type],
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
      ...(type === 'table' ? { format: 'table', instant: true } : {}),
      ...(type === 'stat' ? { instant: true } : {}),
    })),
    ...(type === 'table' ? { transformations: [{ id: 'organize', options: { excludeByName: { Time: true } } }] } : {}),
  }
}

const LINES = {
  min: 0,
  custom: { drawStyle: 'line', lineWidth: 1, fillOpacity: 8, showPoints: 'never', spanNulls: false },
}
const OPTIONS = {
  timeseries: {
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
    tooltip: { mode: 'multi', sort: 'desc' },
  },
  stat: {
    reduceOptions: { calcs: ['lastNotNull'] },
    colorMode: 'value',
    graphMode: 'none',
    textMode: 'value_and_name',
  },
  table: { showHeader: true },
} as const

function thresholdsOf(alarm: Panel['alarm']) {
  if (alarm === undefined) return {}
  const { orange, red } = alarm
  const steps = [
    { color: 'green', value: null },
    ...(orange === undefined ? [] : [{ color: 'orange', value: orange }]),
    { color: 'red', value: red },
  ]
  return { color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps } }
}
