import { type Dashboard, quantileBy, rateBy } from './panel.ts'
import { processRow } from './process.ts'

const REGION = 'region=~"$region"'

/** What an operator does, and what waits for it. */
export const OPERATOR: Dashboard = {
  name: 'operator',
  title: 'Landbridge / Operator',
  description: 'From resources to streams: what waits, what fails, what others changed.',
  regionsOf: 'landbridge_operator_leading',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          title: 'Who leads',
          description: 'One operator of a region.',
          type: 'stat',
          unit: 'short',
          queries: [{ expr: `sum by (region) (landbridge_operator_leading{${REGION}})`, legend: '{{region}}' }],
        },
        {
          title: 'Resources',
          description: 'By kind.',
          type: 'stat',
          unit: 'short',
          queries: [
            {
              expr: `max by (region, kind) (landbridge_operator_resources{${REGION}})`,
              legend: '{{kind}}, {{region}}',
            },
          ],
        },
        {
          title: 'Resources that fail',
          description: 'Their Ready condition says why.',
          type: 'stat',
          unit: 'short',
          alarm: { red: 1 },
          queries: [
            {
              expr: `sum by (region, kind) (landbridge_operator_queue{${REGION}, state="failing"})`,
              legend: '{{kind}}, {{region}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Work',
      panels: [
        {
          title: 'Queue',
          description: 'Resources that wait, are delayed, run or fail.',
          type: 'timeseries',
          unit: 'short',
          queries: [
            { expr: `sum by (kind, state) (landbridge_operator_queue{${REGION}})`, legend: '{{kind}}, {{state}}' },
          ],
        },
        {
          title: 'Reconciliations',
          description: 'unchanged writes nothing.',
          type: 'timeseries',
          unit: 'ops',
          queries: [
            {
              expr: rateBy('kind, result', 'landbridge_operator_reconciliations_total', REGION),
              legend: '{{kind}}, {{result}}',
            },
          ],
        },
        {
          title: 'Time for one',
          description: 'From the queue to the written status.',
          type: 'timeseries',
          unit: 's',
          queries: [
            { expr: quantileBy(0.5, 'kind', 'landbridge_operator_reconcile_seconds', REGION), legend: 'p50 {{kind}}' },
            { expr: quantileBy(0.99, 'kind', 'landbridge_operator_reconcile_seconds', REGION), legend: 'p99 {{kind}}' },
          ],
        },
        {
          title: 'Drift',
          description: 'Changes behind the back of a resource, which were repaired. Who makes them?',
          type: 'timeseries',
          unit: 'short',
          queries: [
            {
              expr: `sum by (kind) (increase(landbridge_operator_drift_total{${REGION}}[$__rate_interval]))`,
              legend: '{{kind}}',
            },
          ],
        },
        {
          title: 'Status writes',
          description: 'None while nothing changes.',
          type: 'timeseries',
          unit: 'ops',
          queries: [{ expr: rateBy('kind', 'landbridge_operator_status_writes_total', REGION), legend: '{{kind}}' }],
        },
      ],
    },
    processRow(`${REGION}, app_kubernetes_io_component="operator"`),
  ],
}
