import { type Dashboard, quantileBy, rateBy } from './panel.ts'
import { processRow } from './process.ts'

const REGION = 'region=~"$region"'
const TOPIC = `${REGION}, topic=~"$topic"`

/** What services see of a region: publishing, delivery, calls, the store. */
export const REGION_OVERVIEW: Dashboard = {
  name: 'region',
  title: 'Landbridge / Region',
  description: 'Events in and out of a region, and how well.',
  regionsOf: 'landbridge_topics',
  topicsOf: 'landbridge_published_events_total',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          title: 'Gateways',
          description: 'Gateways that see each other in the region.',
          type: 'stat',
          unit: 'short',
          width: 4,
          queries: [{ expr: `min by (region) (landbridge_region_gateways{${REGION}})`, legend: '{{region}}' }],
        },
        {
          title: 'Gateways without NATS',
          description: "Gateways without a connection to the region's NATS: they take no new calls.",
          type: 'stat',
          unit: 'short',
          width: 4,
          alarm: { red: 1 },
          queries: [{ expr: `count(landbridge_nats_connected{${REGION}} == 0) or vector(0)`, legend: 'away' }],
        },
        {
          title: 'Regions not reached',
          description: 'Links on which nothing arrives.',
          type: 'stat',
          unit: 'short',
          width: 4,
          alarm: { red: 1 },
          queries: [
            {
              expr: `count(max by (region, peer) (landbridge_replication_link_up{${REGION}}) == 0) or vector(0)`,
              legend: 'links',
            },
          ],
        },
        {
          title: 'Certificate',
          description: "How long the gateways' certificate still holds.",
          type: 'stat',
          unit: 's',
          width: 4,
          queries: [
            {
              expr: `min by (region) (landbridge_certificate_expiry_seconds{${REGION}}) - time()`,
              legend: '{{region}}',
            },
          ],
        },
        {
          title: 'Published',
          description: 'Events that were stored.',
          type: 'stat',
          unit: 'eps',
          width: 4,
          queries: [
            {
              expr: rateBy('region', 'landbridge_published_events_total', `${TOPIC}, outcome="stored"`),
              legend: '{{region}}',
            },
          ],
        },
        {
          title: 'Delivered',
          description: 'Events that went to subscribers.',
          type: 'stat',
          unit: 'eps',
          width: 4,
          queries: [{ expr: rateBy('region', 'landbridge_delivered_events_total', TOPIC), legend: '{{region}}' }],
        },
      ],
    },
    {
      title: 'Events',
      panels: [
        {
          title: 'Published, by outcome',
          description:
            'stored and duplicate are good ends; failed can be tried again; refused never goes through as it is.',
          type: 'timeseries',
          unit: 'eps',
          queries: [{ expr: rateBy('outcome', 'landbridge_published_events_total', TOPIC), legend: '{{outcome}}' }],
        },
        {
          title: 'Published, by topic',
          description: 'The ten busiest.',
          type: 'timeseries',
          unit: 'eps',
          queries: [
            { expr: `topk(10, ${rateBy('topic', 'landbridge_published_events_total', TOPIC)})`, legend: '{{topic}}' },
          ],
        },
        {
          title: 'Bytes',
          description: 'Payload that was stored and delivered.',
          type: 'timeseries',
          unit: 'Bps',
          queries: [
            { expr: rateBy('region', 'landbridge_published_bytes_total', TOPIC), legend: 'in {{region}}' },
            { expr: rateBy('region', 'landbridge_delivered_bytes_total', TOPIC), legend: 'out {{region}}' },
          ],
        },
        {
          title: 'Delivered, by kind',
          description: 'New deliveries and repeats.',
          type: 'timeseries',
          unit: 'eps',
          queries: [{ expr: rateBy('kind', 'landbridge_delivered_events_total', TOPIC), legend: '{{kind}}' }],
        },
        {
          title: 'Settled, by kind',
          description: 'Many nack, reject or returned: subscribers are in trouble.',
          type: 'timeseries',
          unit: 'eps',
          queries: [{ expr: rateBy('kind', 'landbridge_settled_events_total', TOPIC), legend: '{{kind}}' }],
        },
        {
          title: 'Forwarded to another region',
          description: 'Events that this region could not store, and another did.',
          type: 'timeseries',
          unit: 'eps',
          queries: [{ expr: rateBy('peer', 'landbridge_forwarded_events_total', REGION), legend: 'to {{peer}}' }],
        },
      ],
    },
    {
      title: 'Calls',
      panels: [
        {
          title: 'Calls, by status',
          description: 'gRPC calls that ended.',
          type: 'timeseries',
          unit: 'reqps',
          queries: [{ expr: rateBy('code', 'landbridge_grpc_calls_total', REGION), legend: '{{code}}' }],
        },
        {
          title: 'Duration of calls, p99',
          description: 'Unary calls, by method.',
          type: 'timeseries',
          unit: 's',
          queries: [{ expr: quantileBy(0.99, 'method', 'landbridge_grpc_call_seconds', REGION), legend: '{{method}}' }],
        },
        {
          title: 'Refusals, by reason',
          description: 'Who may not, and who must wait.',
          type: 'timeseries',
          unit: 'reqps',
          queries: [{ expr: rateBy('reason', 'landbridge_refusals_total', REGION), legend: '{{reason}}' }],
        },
        {
          title: 'Open streams',
          description: 'By method.',
          type: 'timeseries',
          unit: 'short',
          queries: [{ expr: `sum by (method) (landbridge_grpc_open_streams{${REGION}})`, legend: '{{method}}' }],
        },
        {
          title: 'Store: time for a batch',
          description: 'One write to JetStream, its quorum and its disk included.',
          type: 'timeseries',
          unit: 's',
          queries: [
            { expr: quantileBy(0.5, '', 'landbridge_store_seconds', REGION), legend: 'p50' },
            { expr: quantileBy(0.99, '', 'landbridge_store_seconds', REGION), legend: 'p99' },
          ],
        },
        {
          title: 'Store: breaker and bytes on their way',
          description: 'Breaker: 1 open, 0.5 trying. Bytes are bounded; at the bound callers are told to slow down.',
          type: 'timeseries',
          unit: 'short',
          queries: [
            { expr: `max by (pod) (landbridge_store_breaker_open{${REGION}})`, legend: 'breaker {{pod}}' },
            { expr: `sum by (pod) (landbridge_publish_in_flight_bytes{${REGION}}) / 2^20`, legend: 'MiB {{pod}}' },
          ],
        },
      ],
    },
    processRow(`${REGION}, app_kubernetes_io_component="gateway"`),
  ],
}
