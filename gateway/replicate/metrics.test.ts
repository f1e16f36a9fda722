import { readFileSync } from 'node:fs'
import type { LagRow } from '@landbridge/core'
import { expect, test } from 'vitest'
import { Metrics } from '../telemetry/index.ts'
import { ReplicationMetrics } from './metrics.ts'

const ROW: LagRow = {
  topic: 'acme/orders',
  origin: 'us-east',
  events: 3,
  seconds: 1.5,
  known: true,
  appliedSequence: 7,
  headSequence: 10,
  reportedMs: 1_000,
  upstream: 'us-east',
  gateway: 'g',
  watermarkMs: 20_000,
  problem: '',
  gaps: 0,
}

async function scraped(rows: readonly LagRow[]): Promise<string[]> {
  const metrics = new Metrics()
  const replication = new ReplicationMetrics(metrics)
  replication.follow({ lag: () => rows, peers: () => [], stopped: () => [] })
  const text = await metrics.registry.metrics()
  return text.split('\n').filter((line) => /^landbridge_(replication_(lag|watermark)|topic_watermark)/.test(line))
}

test('lag and watermarks are read at each scrape', async () => {
  const other = { ...ROW, origin: 'ap-south', watermarkMs: 15_500 }
  expect(await scraped([ROW, other])).toEqual([
    'landbridge_replication_lag_events{topic="acme/orders",origin="us-east"} 3',
    'landbridge_replication_lag_events{topic="acme/orders",origin="ap-south"} 3',
    'landbridge_replication_lag_seconds{topic="acme/orders",origin="us-east"} 1.5',
    'landbridge_replication_lag_seconds{topic="acme/orders",origin="ap-south"} 1.5',
    'landbridge_replication_lag_unknown{topic="acme/orders",origin="us-east"} 0',
    'landbridge_replication_lag_unknown{topic="acme/orders",origin="ap-south"} 0',
    'landbridge_replication_watermark_seconds{topic="acme/orders",origin="us-east"} 20',
    'landbridge_replication_watermark_seconds{topic="acme/orders",origin="ap-south"} 15.5',
    'landbridge_topic_watermark_seconds{topic="acme/orders"} 15.5',
  ])
})

test('a topic has no watermark while that of one origin is not known', async () => {
  const lines = await scraped([ROW, { ...ROW, origin: 'ap-south', known: false, watermarkMs: undefined }])
  expect(lines.filter((line) => line.includes('watermark'))).toEqual([
    'landbridge_replication_watermark_seconds{topic="acme/orders",origin="us-east"} 20',
  ])
  expect(lines).toContain('landbridge_replication_lag_unknown{topic="acme/orders",origin="ap-south"} 1')
})

test('topics that share a series show the worst of them', async () => {
  const rows = Array.from({ length: 2_000 }, (_, index) => ({
    ...ROW,
    topic: `acme/t${index}`,
    events: index,
    watermarkMs: 1_000_000 - index * 100,
  }))
  const lines = await scraped(rows)
  expect(lines.length).toBeLessThan(10_000)
  expect(lines).toContain('landbridge_replication_lag_events{topic="other",origin="us-east"} 1999')
  expect(lines).toContain('landbridge_topic_watermark_seconds{topic="other"} 800.1')
})

test('docs/metrics.md tells of every metric of a gateway, and of no other', async () => {
  const metrics = new Metrics()
  new ReplicationMetrics(metrics).follow({ lag: () => [], peers: () => [], stopped: () => [] })
  const text = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\|.*$/gm)].flatMap(([row]) => row.match(/landbridge_[a-z_]+/g) ?? [])
  const told = rows.filter((name) => !name.startsWith('landbridge_operator_'))
  const registered = metrics.registry.getMetricsAsArray().map(({ name }) => name)
  // Those of sharing and of clocks are registered where they are measured.
  const elsewhere = [
    'landbridge_replication_pulls',
    'landbridge_region_gateways',
    'landbridge_region_clock_ahead_seconds',
  ]
  const ours = new Set([...registered.filter((name) => name.startsWith('landbridge_')), ...elsewhere])
  expect(told.sort()).toEqual([...ours].sort())
})
