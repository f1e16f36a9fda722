import { Metrics } from '@landbridge/gateway'
import { ReplicationMetrics } from '../../gateway/replicate/metrics.ts'
import { OperatorMetrics } from '../../operator/metrics.ts'

/** What Prometheus adds to every series, by the chart's monitors or by itself. */
const OF_THE_TARGET = ['region', 'pod', 'app_kubernetes_io_component']

/** Name of each series that gateway and operator export, to its labels. */
export function labelsOfMetrics(): ReadonlyMap<string, ReadonlySet<string>> {
  const gateway = new Metrics()
  gateway.collectProcess()
  new ReplicationMetrics(gateway).follow({ peers: () => [], lag: () => [], stopped: () => [] })
  const operator = new OperatorMetrics()
  operator.follow(new Map(), () => false)
  const found = new Map<string, ReadonlySet<string>>()
  for (const { registry } of [gateway, operator]) {
    for (const metric of registry.getMetricsAsArray()) {
      // Not in the types, but in every metric: the names that it was made with.
      const { labelNames = [] } = metric as unknown as { readonly labelNames?: readonly string[] }
      const labels = [...labelNames, ...OF_THE_TARGET]
      found.set(metric.name, new Set(labels))
      for (const suffix of ['_sum', '_count']) found.set(`${metric.name}${suffix}`, new Set(labels))
      found.set(`${metric.name}_bucket`, new Set([...labels, 'le']))
    }
  }
  return found
}

const WORDS = /\b(landbridge_|process_|nodejs_)\w+(\{[^}]*\})?/g
const GROUPING = /\b(?:by|on) \(([^)]*)\)/g

/** Every metric of a PromQL expression with the labels that are asked of it: its own, and those it is grouped by. */
export function selectorsIn(expr: string): readonly { readonly metric: string; readonly labels: readonly string[] }[] {
  const grouped = [...expr.matchAll(GROUPING)].flatMap(([, names = '']) => names.split(',').map((name) => name.trim()))
  return [...expr.matchAll(WORDS)].map(([text]) => {
    const [metric = '', matchers = ''] = text.split('{')
    const own = [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label)
    return { metric, labels: [...own, ...grouped] }
  })
}
