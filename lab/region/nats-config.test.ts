import { expect, test } from 'vitest'
import { natsConfig } from './nats-config.ts'

const node = { serverName: 'one-nats-0', clientPort: 1, monitorPort: 2, clusterPort: 3, storeFolder: '/state/one "x"' }

test('a single server has no cluster and listens on loopback only', () => {
  const text = natsConfig(node, { region: 'one', clusterPorts: [3], syncInterval: 'always', extra: 'debug: true' })
  expect(text).toBe(`server_name: "one-nats-0"
listen: "127.0.0.1:1"
http: "127.0.0.1:2"
max_payload: 8650752
jetstream {
  domain: "one"
  store_dir: "/state/one \\"x\\""
  sync_interval: "always"
}
debug: true
`)
})

test('a member of a cluster has routes to the others', () => {
  const text = natsConfig(node, { region: 'one', clusterPorts: [3, 6, 9], syncInterval: '2m', extra: '' })
  expect(text).toContain('sync_interval: "2m"')
  expect(text).toContain('listen: "127.0.0.1:3"')
  expect(text).toContain('routes: ["nats://127.0.0.1:6", "nats://127.0.0.1:9"]')
})
