import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Mesh } from '@landbridge/client'
import { type AuditReport, auditStreams } from '../audit.ts'
import type { Lab } from '../lab.ts'
import { readStreams } from '../read-streams.ts'
import { startLab } from '../start-lab.ts'
import type { DemoProgress } from './progress.ts'
import { ProgressMeter } from './progress-meter.ts'
import { Publisher } from './publisher.ts'
import type { RegionOutcome } from './report.ts'
import { Subscriber } from './subscriber.ts'
import { demoTopics, webhookEvents } from './webhooks.ts'

/** When things happen, in seconds from the first event, and how much. */
export type DemoPlan = {
  readonly killAtSeconds: number
  readonly restoreAtSeconds: number
  readonly publishSeconds: number
  /** Events per second that each region's service publishes. */
  readonly ratePerRegion: number
  /** How long the regions may take to hold the same events after the last one was published. */
  readonly settleSeconds: number
}

export const demoPlan: DemoPlan = {
  killAtSeconds: 8,
  restoreAtSeconds: 18,
  publishSeconds: 28,
  ratePerRegion: 150,
  settleSeconds: 20,
}

/** The region that the demo kills. */
export const victim = 'us-east'

/** What the demo did, once it is over. The lab still runs. */
export type DemoResult = {
  readonly outcomes: readonly RegionOutcome[]
  readonly audit: AuditReport
  readonly failures: readonly Error[]
}

type Service = {
  readonly region: string
  readonly publisher: Publisher
  readonly subscriber: Subscriber
  readonly meter: ProgressMeter
}

/** Starts the demo's mesh with its topics and policies. */
export async function startDemoLab(report: (line: string) => void): Promise<Lab> {
  return startLab({ documents: await readFile(join(import.meta.dirname, 'mesh.yaml'), 'utf8'), report })
}

/**
 * Publishes and subscribes in every region, kills and restores one in between, and reads every region's streams.
 * `show` is called four times a second.
 */
export async function runDemo(lab: Lab, plan: DemoPlan, show: (progress: DemoProgress) => void): Promise<DemoResult> {
  await using resources = new AsyncDisposableStack()
  const publishing = new AbortController()
  const reading = new AbortController()
  const services: Service[] = []
  for (const { name } of lab.regions) services.push(await startService(lab, name, plan, publishing.signal, resources))
  const subscribing = services.map(async (service) => {
    const mesh = await connectTo(lab, `dashboard-${service.region}`, [service.region], resources)
    return service.subscriber.run(mesh, demoTopics, reading.signal)
  })
  const admin = await connectTo(
    lab,
    'lab-admin',
    lab.regions.map((region) => region.name),
    resources,
  )
  let phase = 'every region publishes and subscribes'
  const started = performance.now()
  const watching = watch(services, admin, reading.signal, () =>
    show({
      elapsedSeconds: (performance.now() - started) / 1000,
      durationSeconds: plan.publishSeconds,
      phase,
      regions: services.map((service) => service.meter.progress(service.publisher, service.subscriber, down(services))),
    }),
  )
  const work = services.map((service) => service.publisher.run())
  const setState = (state: 'up' | 'down' | 'starting') => {
    for (const service of services) if (service.region === victim) service.meter.state = state
  }
  await sleep(plan.killAtSeconds * 1000)
  phase = `${victim} is killed: its gateways and its NATS`
  setState('down')
  await lab.region(victim).kill('all')
  await sleep((plan.restoreAtSeconds - plan.killAtSeconds) * 1000)
  phase = `${victim} comes back and catches up`
  setState('starting')
  await lab.region(victim).start('all')
  setState('up')
  await sleep(Math.max(0, plan.publishSeconds * 1000 - (performance.now() - started)))
  publishing.abort()
  await Promise.all(work)
  phase = 'published; waiting until every region holds every event'
  const audit = await settle(lab, services, plan)
  reading.abort()
  await Promise.all([...subscribing, watching])
  const failures = services.flatMap(({ publisher, subscriber }) =>
    [publisher.failure, subscriber.failure].filter((e) => e !== undefined),
  )
  return { outcomes: services.map(outcomeOf), audit, failures }
}

async function startService(
  lab: Lab,
  region: string,
  plan: DemoPlan,
  signal: AbortSignal,
  resources: AsyncDisposableStack,
): Promise<Service> {
  // Home first; the others stand in for it.
  const order = [region, ...lab.regions.map(({ name }) => name).filter((name) => name !== region)]
  const mesh = await connectTo(lab, `webhooks-${region}`, order, resources)
  const publisher = new Publisher({ mesh, region, events: webhookEvents(), rate: plan.ratePerRegion, signal })
  return { region, publisher, subscriber: new Subscriber(), meter: new ProgressMeter(region) }
}

/** Connects with a client certificate and a token, as a service would. */
async function connectTo(
  lab: Lab,
  subject: string,
  order: readonly string[],
  resources: AsyncDisposableStack,
): Promise<Mesh> {
  const { cert, key } = await lab.certificates.client('github', subject)
  const mesh = connect({
    endpoints: order.flatMap((name) => lab.region(name).endpoints.map((address) => ({ address, region: name }))),
    tls: { ca: lab.caFile, cert, key },
    token: () => (subject === 'lab-admin' ? lab.adminToken() : lab.token({ subject })),
  })
  resources.use(mesh)
  return mesh
}

function down(services: readonly Service[]): ReadonlySet<string> {
  return new Set(services.filter(({ meter }) => meter.state === 'down').map(({ region }) => region))
}

async function watch(services: readonly Service[], admin: Mesh, signal: AbortSignal, show: () => void): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    if (turn % 4 === 0) for (const service of services) void readLag(service, admin)
    show()
    await sleep(250, undefined, { signal }).catch(() => {})
  }
}

async function readLag(service: Service, admin: Mesh): Promise<void> {
  if (service.meter.state !== 'up') return
  try {
    service.meter.lag = await admin.admin.lag(undefined, { endpoint: service.region, timeoutMs: 900 })
  } catch {
    service.meter.lag = []
  }
}

/** Audits until every region holds the same and every subscriber has been shown it, or the time is over. */
async function settle(lab: Lab, services: readonly Service[], plan: DemoPlan): Promise<AuditReport> {
  const acknowledged = services.flatMap((service) => service.publisher.acknowledged)
  const deadline = performance.now() + plan.settleSeconds * 1000
  for (;;) {
    const contents = (await Promise.all(lab.regions.map((region) => readStreams(region, demoTopics)))).flat()
    const audit = auditStreams(contents, acknowledged)
    const shown = services.every(
      ({ region, subscriber }) => subscriber.delivered >= (audit.storedByRegion.get(region) ?? 0),
    )
    if ((audit.missing + audit.differing === 0 && shown) || performance.now() > deadline) return audit
    await sleep(500)
  }
}

function outcomeOf({ region, publisher, subscriber }: Service): RegionOutcome {
  return {
    region,
    published: publisher.acknowledged.length,
    publishGapMs: publisher.publishGapMs,
    delivered: subscriber.delivered,
    repeated: subscriber.repeated,
  }
}
