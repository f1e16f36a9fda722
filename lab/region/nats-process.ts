import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getIfOk } from '../process/http-ready.ts'
import type { ProcessSpec } from '../process/managed-process.ts'
import { type NatsNode, type NatsRegionOptions, natsConfig } from './nats-config.ts'

/**
 * Writes the server's configuration into `folder` and describes its process. It is ready when JetStream is: in a cluster, when this server follows an
 * elected leader; with `alone`, as soon as it accepts clients.
 */
export async function natsProcess(options: {
  readonly name: string
  readonly command: string
  readonly folder: string
  readonly node: NatsNode
  readonly region: NatsRegionOptions
  /** True while the other members are down on purpose: waiting for a leader would wait for ever. */
  readonly alone: () => boolean
}): Promise<ProcessSpec> {
  const { name, command, folder, node, region } = options
  await mkdir(node.storeFolder, { recursive: true })
  const file = join(folder, 'nats.conf')
  await writeFile(file, natsConfig(node, region), { mode: 0o600 })
  return {
    name,
    command,
    arguments: ['--config', file],
    environment: {},
    logFile: join(folder, 'nats.log'),
    isReady: (signal) => isReady(node, region.clusterPorts.length > 1 && !options.alone(), signal),
  }
}

async function isReady(node: NatsNode, inCluster: boolean, signal: AbortSignal): Promise<boolean> {
  const base = `http://127.0.0.1:${node.monitorPort}`
  if (!inCluster) return (await getIfOk(`${base}/healthz?js-enabled-only=true`, signal)) !== undefined
  const answer = await getIfOk(`${base}/jsz`, signal)
  if (answer === undefined) return false
  const { meta_cluster: meta } = JSON.parse(answer) as { meta_cluster?: { leader?: string } }
  if (meta?.leader === undefined || meta.leader === '') return false
  return (await getIfOk(`${base}/healthz?js-server-only=true`, signal)) !== undefined
}
