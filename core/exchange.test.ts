import { describe, expect, test } from 'vitest'
import { exchangeOf } from './exchange.ts'
import { buildSnapshot, type ConfigSnapshot, configKey, parseDocuments, toStored, unwrap } from './index.ts'

function snapshot(yaml: string): ConfigSnapshot {
  const documents = unwrap(parseDocuments(yaml))
  const built = buildSnapshot(
    1,
    documents.map((document) => [configKey(document), toStored(document)] as const),
  )
  expect(built.problems).toEqual([])
  return built.snapshot
}

const config = snapshot(`
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: orders }
spec: {}
---
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: european }
spec: { replication: { regions: [eu-west, eu-north] } }
---
apiVersion: landbridge.dev/v1alpha1
kind: RegionPeer
metadata: { name: us-east }
spec: { endpoints: ['east:7443'] }
---
apiVersion: landbridge.dev/v1alpha1
kind: RegionPeer
metadata: { name: eu-north }
spec: { endpoints: ['north:7443'], topics: ['acme/euro*', 'other/*'] }
---
apiVersion: landbridge.dev/v1alpha1
kind: RegionPeer
metadata: { name: one-way }
spec: { endpoints: ['way:7443'], topics: ['acme/*'], exports: ['acme/orders', 'globex/*'], imports: [] }
`)

/** What holds for both ways. */
function both(...asked: [ConfigSnapshot, string, string, string]) {
  const [out, into] = [exchangeOf(...asked, 'export'), exchangeOf(...asked, 'import')]
  expect(out).toBe(into)
  return out
}

describe('exchangeOf', () => {
  test('needs a RegionPeer', () => {
    expect(both(config, 'eu-west', 'us-east', 'acme/orders')).toBe('allowed')
    expect(both(config, 'eu-west', 'ap-south', 'acme/orders')).toBe('not-allowed')
    expect(both(config, 'us-east', 'us-east', 'acme/orders')).toBe('not-allowed')
  })

  test('minds the regions of the topic', () => {
    expect(both(config, 'eu-west', 'us-east', 'acme/european')).toBe('not-allowed')
    expect(both(config, 'eu-west', 'eu-north', 'acme/european')).toBe('allowed')
  })

  test('minds the patterns of the peer, and does not tell what it may not know', () => {
    expect(both(config, 'eu-west', 'eu-north', 'acme/orders')).toBe('not-allowed')
    expect(both(config, 'eu-west', 'eu-north', 'acme/unheard')).toBe('not-allowed')
    expect(both(config, 'eu-west', 'eu-north', 'acme/europa')).toBe('unknown-topic')
    expect(both(config, 'eu-west', 'us-east', 'acme/unheard')).toBe('unknown-topic')
  })

  test.each([
    ['export', 'acme/orders', 'allowed'],
    ['export', 'acme/european', 'not-allowed'],
    ['export', 'globex/unheard', 'not-allowed'],
    ['import', 'acme/orders', 'not-allowed'],
  ] as const)('minds what goes one way: %s of %s', (way, topic, exchange) => {
    expect(exchangeOf(config, 'eu-west', 'one-way', topic, way)).toBe(exchange)
  })
})
