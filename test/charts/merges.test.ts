import { expect, test } from 'vitest'
import { one, render, type Values } from './helm.ts'
import { MATRIX } from './matrix.ts'
import { podOf } from './pods.ts'

const MERGED = render(MATRIX.merges)
const NOTE = { metadata: { annotations: { 'example.com/note': 'a' } } }

test.for([
  {
    kind: 'HorizontalPodAutoscaler',
    name: 'lb-gateway',
    holds: { spec: { minReplicas: 2, behavior: { scaleUp: { stabilizationWindowSeconds: 60 }, scaleDown: {} } } },
  },
  {
    kind: 'PodDisruptionBudget',
    name: 'lb-gateway',
    holds: { spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'IfHealthyBudget' } },
  },
  { kind: 'PodDisruptionBudget', name: 'lb-nats', holds: { ...NOTE, spec: { maxUnavailable: 1 } } },
  {
    kind: 'ConfigMap',
    name: 'lb-nats',
    holds: { data: { 'nats.conf': expect.stringContaining('jetstream'), 'more.conf': 'max_connections: 1000' } },
  },
  {
    kind: 'PodMonitor',
    name: 'lb',
    holds: { spec: { sampleLimit: 5000, podMetricsEndpoints: [{ path: '/metrics' }] } },
  },
  { kind: 'ServiceMonitor', name: 'lb', holds: { spec: { sampleLimit: 6000, endpoints: [{ path: '/metrics' }] } } },
  { kind: 'PrometheusRule', name: 'lb', holds: { ...NOTE, spec: { groups: expect.anything() } } },
])('a merge over the $kind $name adds to what the chart says', ({ kind, name, holds }) => {
  expect(one(MERGED, kind, name)).toMatchObject(holds)
})

test('servers restart for what is merged over their configuration, and only for that', () => {
  const hash = (values: Values) => podOf(render(values), 'lb-nats').metadata.annotations?.['landbridge.dev/config']
  const merge = (data: object) => hash({ nats: { configMap: { merge: { data } } } })
  expect(hash({ nats: { podDisruptionBudget: { merge: NOTE } } })).toBe(hash({}))
  expect(new Set([hash({}), merge({ a: 'b' }), merge({ a: 'c' })]).size).toBe(3)
})
