import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fromData, streamShapeOf } from '@landbridge/core'
import { makeNamespace, startCluster, type TestCluster } from '@landbridge/lab/kubernetes'
import { NatsSession, Streams } from '@landbridge/nats'
import { residentMiB } from '../process-memory.ts'
import { type BenchRow, toRow } from '../report/row.ts'
import { NatsServer } from '../servers/nats-server.ts'
import { OperatorProcess } from '../servers/operator-process.ts'
import { each, TopicResources } from '../servers/topic-resources.ts'
import type { LoneContext, LoneScenario } from './scenario.ts'

const FEW = { count: 1_000, goal: 200 }
const MANY = { count: 10_000, goal: 150 }
const QUICK = { count: 50, goal: 1 }
const RELEASE = 'landbridge'
const TOPIC_KIND = '{kind="Topic"'
const FLOOR = 'streams created directly'
const IDLE_MS = 60_000
const QUICK_IDLE_MS = 5_000
/** After a restart everything has been looked at; then the rest is idle. */
const REST_MS = 5_000

/**
 * How fast Topics become streams, by a real API server, a real operator and one nats-server; and what the operator costs with
 * ten thousand of them. One round each, on a cluster of its own: what went before would be in the way.
 */
export const operator: LoneScenario = {
  name: 'operator',
  async run(context) {
    const { quick, onTurn } = context
    const rows: BenchRow[] = []
    for (const size of quick ? [QUICK] : [FEW, MANY]) {
      onTurn(`${size.count} topics`, 1)
      rows.push(...(await measure(size, size === FEW ? 'speed' : 'all', context)))
    }
    return rows
  },
}

/** A cluster and a region, without an operator yet. */
type Place = AsyncDisposable & { readonly cluster: TestCluster; readonly nats: NatsServer; readonly streams: Streams }

async function measure(
  { count, goal }: typeof FEW,
  what: 'speed' | 'all',
  { natsBinary, quick }: LoneContext,
): Promise<BenchRow[]> {
  const topics = `${count.toLocaleString('en-US')} topics`
  const floor = await createDirectly(count, natsBinary)
  await using place = await startPlace(natsBinary)
  const { cluster, streams } = place
  const options = { kubeconfig: cluster.kubeconfig, natsUrl: place.nats.url, namespace: RELEASE }
  const resources = new TopicResources(cluster.client)
  await makeNamespace(cluster.client, RELEASE)
  await makeNamespace(cluster.client, resources.tenant)
  const rows: BenchRow[] = []
  {
    await using first = await OperatorProcess.start(options)
    await first.untilFigure('landbridge_operator_leading', 1)
    const elapsedMs = await resources.makeReady(count)
    rows.push(
      toRow({
        name: `topics made Ready, ${topics} created at once`,
        unit: 'topics/s',
        rounds: [(count * 1_000) / elapsedMs],
        against: { name: FLOOR, rounds: [floor] },
        goal: { kind: 'no-less', limit: goal },
      }),
    )
    if (what === 'speed') return rows
    rows.push(memoryRow('operator memory after that', topics, await residentMiB(first.pid)))
  }
  const touched = new Set<string>()
  const unwatch = streams.watch((stream) => touched.add(stream))
  const begun = performance.now()
  await using second = await OperatorProcess.start(options)
  await second.untilFigure(`landbridge_operator_reconciliations_total${TOPIC_KIND},result="unchanged"}`, count)
  const restartSeconds = (performance.now() - begun) / 1_000
  await delay(REST_MS)
  const idleMs = quick ? QUICK_IDLE_MS : IDLE_MS
  const before = await cluster.writes('topics')
  await delay(idleMs)
  const writes = (await cluster.writes('topics')) - before
  unwatch()
  rows.push(
    atMost(`operator restarted, ${topics}: all looked at`, 's', restartSeconds, 30),
    atMost(`streams touched by that restart, ${topics}`, 'streams', touched.size, 0),
    atMost(`writes to Topics while idle, ${topics}`, 'a minute', (writes * 60_000) / idleMs, 0),
    memoryRow('operator memory while idle', topics, await residentMiB(second.pid)),
  )
  return rows
}

function memoryRow(what: string, topics: string, mebibytes: number): BenchRow {
  return atMost(`${what}, ${topics}`, 'MiB', mebibytes, 300)
}

function atMost(name: string, unit: string, value: number, limit: number): BenchRow {
  return toRow({ name, unit, rounds: [value], goal: { kind: 'at-most', limit } })
}

async function startPlace(natsBinary: string): Promise<Place> {
  await using parts = new AsyncDisposableStack()
  const nats = await startNats(natsBinary, parts)
  const cluster = parts.use(await startCluster())
  const session = parts.use(await NatsSession.connect({ servers: [nats.url], name: 'bench' }))
  const owned = parts.move()
  return { cluster, nats, streams: new Streams(session), [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function startNats(binary: string, parts: AsyncDisposableStack): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-bench-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  const config = `listen: "127.0.0.1:-1"\njetstream { store_dir: "${join(folder, 'store')}", sync_interval: always }`
  return parts.use(await NatsServer.start({ binary, name: 'region', config, folder }))
}

/** The same streams without anything in between: streams a second. */
async function createDirectly(count: number, natsBinary: string): Promise<number> {
  await using parts = new AsyncDisposableStack()
  const nats = await startNats(natsBinary, parts)
  const session = parts.use(await NatsSession.connect({ servers: [nats.url], name: 'bench' }))
  const streams = new Streams(session)
  const begun = performance.now()
  await each(count, (index) => streams.create(shapeOf(`topic-${index}`)))
  return (count * 1_000) / (performance.now() - begun)
}

function shapeOf(name: string) {
  const document = fromData({
    apiVersion: 'landbridge.dev/v1alpha1',
    kind: 'Topic',
    metadata: { namespace: 'bench', name },
    spec: { replicas: 1 },
  })
  if (document.value?.kind !== 'Topic') throw new Error(`make topic ${name}: ${document.error?.message}`)
  return streamShapeOf(document.value, { replicasDefault: 1 })
}
