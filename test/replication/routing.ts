import { streamName } from '@landbridge/core'
import { NatsSession, streamStatus } from '@landbridge/nats'
import { expect, vi } from 'vitest'
import { type Mesh, TOPIC, TOPIC_KEY } from './mesh.ts'

/** Waits until a region pulls each of these origins from that upstream, as any of its gateways tells. */
export async function untilUpstream(
  mesh: Mesh,
  region: string,
  upstreams: Readonly<Record<string, string>>,
): Promise<void> {
  await vi.waitFor(
    async () => {
      const { lags } = await mesh.admin(region).getLag()
      const found = lags.filter(({ topic, origin }) => topic === TOPIC_KEY && upstreams[origin] !== undefined)
      expect(Object.fromEntries(found.map(({ origin, upstream }) => [origin, upstream]))).toEqual(upstreams)
    },
    { timeout: 15_000, interval: 100 },
  )
}

/** Waits until a region's stream holds that many messages. */
export async function untilHolds(mesh: Mesh, region: string, count: number, timeoutMs = 15_000): Promise<void> {
  const { natsUrls } = mesh.lab.region(region)
  await using session = await NatsSession.connect({ servers: natsUrls, name: 'test watcher' })
  const held = () => streamStatus(session, streamName(TOPIC)).catch(() => undefined)
  await expect.poll(async () => (await held())?.messages, { timeout: timeoutMs }).toBe(count)
}

/** Changes what a region pays for its link to another one. */
export async function setCost(mesh: Mesh, region: string, peer: string, cost: number): Promise<void> {
  const { peers } = await mesh.admin(region).listPeers()
  const endpoints = peers.find((status) => status.region === peer)?.endpoints ?? []
  const document = {
    apiVersion: 'landbridge.dev/v1alpha1',
    kind: 'RegionPeer',
    metadata: { name: peer },
    spec: { endpoints, cost },
  }
  await mesh.lab.apply(JSON.stringify(document), { region })
}
