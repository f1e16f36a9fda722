import { type Dashboard, quantileBy, rateBy } from './panel.ts'

const REGION = 'region=~"$region"'
const TOPIC = `${REGION}, topic=~"$topic"`

/** How far behind regions are, over which links, and what went wrong. */
export const REPLICATION: Dashboard = {
  name: 'replication',
  title: 'Landbridge / Replication',
  description: 'What regions have of each other, and how they get it.',
  regionsOf: 'landbridge_topics',
  topicsOf: 'landbridge_replication_lag_events',
  rows: [
    {
      title: 'How far behind',
      panels: [
        {
          title: 'Lag',
          description: 'Age of the oldest event that an origin has and the region has not.',
          type: 'timeseries',
          unit: 's',
          queries: [
            {
              expr: `max by (region, origin) (landbridge_replication_lag_seconds{${TOPIC}})`,
              legend: '{{origin}} to {{region}}',
            },
          ],
        },
        {
          title: 'Events that are missing',
          description: 'The ten topics that miss most.',
          type: 'timeseries',
          unit: 'short',
          queries: [
            {
              expr: `topk(10, max by (region, topic, origin) (landbridge_replication_lag_events{${TOPIC}}))`,
              legend: '{{topic}} of {{origin}} in {{region}}',
            },
          ],
        },
        {
          title: 'Complete up to',
          description: 'How long ago the time is up to which a topic is complete. An idle topic moves every 10 s.',
          type: 'timeseries',
          unit: 's',
          queries: [
            {
              expr: `topk(10, time() - min by (region, topic) (landbridge_topic_watermark_seconds{${TOPIC}}))`,
              legend: '{{topic}} in {{region}}',
            },
          ],
        },
        {
          title: 'Pulls that stand still',
          description: 'They do not go on by themselves: `landbridge lag` says what to do.',
          type: 'table',
          unit: 'short',
          width: 12,
          queries: [
            {
              expr: `max by (region, topic, origin, reason) (landbridge_replication_stopped{${TOPIC}}) > 0`,
              legend: '',
            },
          ],
        },
        {
          title: 'Origins that are not heard',
          description: 'Nobody knows how far behind the region is.',
          type: 'timeseries',
          unit: 'short',
          width: 12,
          queries: [
            {
              expr: `count by (region, origin) (landbridge_replication_lag_unknown{${TOPIC}} == 1)`,
              legend: '{{origin}} in {{region}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Links',
      panels: [
        {
          title: 'Links',
          description: '1 while any gateway of a region gets something from the other.',
          type: 'timeseries',
          unit: 'short',
          queries: [
            {
              expr: `max by (region, peer) (landbridge_replication_link_up{${REGION}})`,
              legend: '{{peer}} to {{region}}',
            },
          ],
        },
        {
          title: 'Pulls, by who serves them',
          description: 'More than the origins themselves: events go round a broken link.',
          type: 'timeseries',
          unit: 'short',
          queries: [
            {
              expr: `sum by (region, upstream) (landbridge_replication_pulls{${REGION}})`,
              legend: '{{region}} from {{upstream}}',
            },
          ],
        },
        {
          title: 'Clocks of other regions',
          description: 'How far ahead they are. Beyond 4 s, copies of events that were tried again may be missed.',
          type: 'timeseries',
          unit: 's',
          queries: [
            {
              expr: `max by (region, peer) (landbridge_region_clock_ahead_seconds{${REGION}})`,
              legend: '{{peer}} before {{region}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Events',
      panels: [
        {
          title: 'Stored from other regions',
          description: 'By origin.',
          type: 'timeseries',
          unit: 'eps',
          queries: [
            {
              expr: rateBy('region, origin', 'landbridge_replication_applied_events_total', TOPIC),
              legend: '{{origin}} in {{region}}',
            },
          ],
        },
        {
          title: 'Sent to other regions',
          description: 'By region.',
          type: 'timeseries',
          unit: 'eps',
          queries: [
            {
              expr: rateBy('region, peer', 'landbridge_replication_served_events_total', TOPIC),
              legend: '{{region}} to {{peer}}',
            },
          ],
        },
        {
          title: 'Held back',
          description: 'Events that rules keep in their region, by rule.',
          type: 'timeseries',
          unit: 'eps',
          queries: [
            {
              expr: rateBy('peer, by', 'landbridge_replication_held_events_total', TOPIC),
              legend: '{{by}} for {{peer}}',
            },
          ],
        },
        {
          title: 'Time to store a batch, p99',
          description: 'With the check for copies.',
          type: 'timeseries',
          unit: 's',
          queries: [
            { expr: quantileBy(0.99, 'origin', 'landbridge_replication_apply_seconds', REGION), legend: '{{origin}}' },
          ],
        },
        {
          title: 'Wait for another region, p99',
          description: 'Topics with durability quorum, by how the wait ended.',
          type: 'timeseries',
          unit: 's',
          queries: [
            { expr: quantileBy(0.99, 'outcome', 'landbridge_quorum_wait_seconds', REGION), legend: '{{outcome}}' },
          ],
        },
        {
          title: 'Copies that were left out',
          description: 'Events that were here already, by who noticed.',
          type: 'timeseries',
          unit: 'eps',
          queries: [
            {
              expr: rateBy('origin, by', 'landbridge_replication_skipped_events_total', TOPIC),
              legend: '{{origin}}, {{by}}',
            },
          ],
        },
      ],
    },
    {
      title: 'What went wrong',
      panels: [
        {
          title: 'Runs that ended',
          description: 'Each starts again from the data; many of one reason want a look.',
          type: 'timeseries',
          unit: 'short',
          queries: [
            {
              expr: `sum by (origin, reason) (increase(landbridge_replication_runs_ended_total{${REGION}}[$__rate_interval]))`,
              legend: '{{origin}}: {{reason}}',
            },
          ],
        },
        {
          title: 'Pulls that were refused',
          description: 'Another region asked for what it may not have.',
          type: 'timeseries',
          unit: 'short',
          queries: [
            {
              expr: `sum by (peer, reason) (increase(landbridge_replication_refused_total{${REGION}}[$__rate_interval]))`,
              legend: '{{peer}}: {{reason}}',
            },
          ],
        },
        {
          title: 'Gaps and losses',
          description: 'Gaps: removed before the region had them. Divergences: lost by an origin, and given back.',
          type: 'timeseries',
          unit: 'short',
          queries: [
            {
              expr: `sum by (origin) (increase(landbridge_replication_retention_gaps_total{${TOPIC}}[$__rate_interval]))`,
              legend: 'gaps, {{origin}}',
            },
            {
              expr: `sum by (origin) (increase(landbridge_replication_divergences_total{${TOPIC}}[$__rate_interval]))`,
              legend: 'divergences, {{origin}}',
            },
            {
              expr: `sum by (origin) (increase(landbridge_replication_given_back_events_total{${TOPIC}}[$__rate_interval]))`,
              legend: 'given back, {{origin}}',
            },
          ],
        },
      ],
    },
  ],
}
