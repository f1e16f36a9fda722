import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { OperatorMetrics } from './metrics.ts'

test('docs/metrics.md tells of every metric of the operator, and of no other', () => {
  const metrics = new OperatorMetrics()
  metrics.follow(new Map(), () => true)
  const text = readFileSync(new URL('../docs/metrics.md', import.meta.url), 'utf8')
  const told = [...text.matchAll(/^\|.*$/gm)].flatMap(([row]) => row.match(/landbridge_operator_[a-z_]+/g) ?? [])
  const registered = metrics.registry.getMetricsAsArray().map(({ name }) => name)
  expect(told.sort()).toEqual(registered.filter((name) => name.startsWith('landbridge_')).sort())
})
