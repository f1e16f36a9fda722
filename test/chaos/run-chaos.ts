import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Mesh } from '@landbridge/client'
import { type Lab, startLab } from '@landbridge/lab'
import { randomOf } from '../replication/random.ts'
import { type CheckReport, check } from './check/check.ts'
import { concerns, type Wipe } from './check/wipe.ts'
import { whenEven } from './converge.ts'
import { FaultDriver } from './faults/driver.ts'
import { History } from './history/history.ts'
import { readLogs } from './history/read-log.ts'
import { JsonLines } from './history/spill.ts'
import { GapMeter } from './load/gap.ts'
import { Publisher } from './load/publisher.ts'
import { Subscriber } from './load/subscriber.ts'
import { MemoryMeter } from './memory.ts'
import { planFaults } from './plan/plan.ts'
import { countFaults } from './report/count-faults.ts'
import { explain } from './report/explain.ts'
import { type ChaosReport, problemsOf } from './report/report.ts'
import { documentsOf, type Setup } from './setup.ts'

export type RunOptions = {
  readonly seed: number
  /** How long events are published while faults come and go. */
  readonly durationMs: number
  readonly setup: Setup
  /** Where everything goes: plan, history, faults, logs of every process, report. */
  readonly folder: string
  /** Hears what happens, for people. */
  readonly say: (line: string) => void
}

const CHECK_EVERY_MS = 2_000
/** Streams that cannot be read at the deadline are tried so much longer. */
const READ_MORE_MS = 180_000
const PROGRESS_EVERY_MS = 10_000
const LANE_TIMEOUT_MS = 20_000

/** One run: a mesh, publishers and subscribers in every region, the seed's faults, and the verdict. */
export async function runChaos(options: RunOptions): Promise<ChaosReport> {
  const { seed, durationMs, setup, folder, say } = options
  const { regions } = setup.ground
  const documents = documentsOf(setup)
  await mkdir(folder, { recursive: true })
  const plan = planFaults({ seed, durationMs, everyMs: setup.faultEveryMs, ground: setup.ground })
  await writeFile(join(folder, 'plan.json'), JSON.stringify(plan, undefined, 1))
  await using resources = new AsyncDisposableStack()
  const spill = resources.use(new JsonLines(join(folder, 'history.jsonl')))
  const faultLog = resources.use(new JsonLines(join(folder, 'faults.jsonl')))
  faultLog.write({ at: 0, step: 'begin', time: new Date().toISOString() })
  say(`seed ${seed}: ${plan.length} faults in ${Math.round(durationMs / 1_000)} s; everything is in ${folder}`)
  const lab = resources.use(
    await startLab({
      regions: regions.map(({ name }) => name),
      gateways: regions[0]?.gateways ?? 1,
      nodes: Object.fromEntries(regions.map(({ name, nodes }) => [name, nodes])),
      prepare: {
        toxics: setup.ground.toxics,
        clocks: setup.ground.clocks,
        disks: regions.flatMap(({ name, disks }) => disks.map((index) => `${name}/nats-${index}`)),
        random: randomOf(seed),
      },
      stateDir: join(folder, 'lab'),
      documents,
    }),
  )
  const world = new World(options, lab, spill, resources)
  const driver = new FaultDriver({
    lab,
    history: world.history,
    documents,
    ground: setup.ground,
    now: world.now,
    spill: faultLog,
    report: (line) => say(`${world.clock()} ${line}`),
  })
  await world.run((signal) => driver.run(plan, signal))
  const settled = await world.settle(driver.wipes)
  const report = world.report({ driver, planned: plan.length, ...settled })
  await writeFile(join(folder, 'report.json'), JSON.stringify(report, undefined, 1))
  if (report.verdict.total > 0) {
    const story = await explain(lab.regions, world.history, report.verdict, driver.done)
    await writeFile(join(folder, 'explain.json'), JSON.stringify(story, undefined, 1))
  }
  // Nobody needs these stores to be as a drained region leaves them.
  await Promise.all(lab.regions.map((region) => region.kill('all')))
  if (problemsOf(report).length > 0) await lab.disks.keep(join(folder, 'disks'))
  return report
}

type Settled = { readonly verdict: CheckReport; readonly convergedMs: number | undefined }

/** The processes of a run's services, and the run's clock. */
class World {
  readonly now: () => number
  readonly #options: RunOptions
  readonly #lab: Lab
  readonly history: History
  readonly #gaps: readonly GapMeter[]
  readonly #publishers: readonly Publisher[]
  readonly #subscribers: readonly Subscriber[]
  readonly #memory = new MemoryMeter()
  readonly #crashes: string[] = []

  constructor(options: RunOptions, lab: Lab, spill: JsonLines, resources: AsyncDisposableStack) {
    const { setup } = options
    const began = performance.now()
    this.now = () => performance.now() - began
    this.#options = options
    this.#lab = lab
    const regions = setup.ground.regions.map(({ name }) => name)
    this.history = new History(regions, setup.topics, setup.publishers)
    // One a publisher: what flows elsewhere would hide a topic that is stuck.
    this.#gaps = setup.publishers.map(() => new GapMeter())
    const connectTo = (home: string, order: readonly string[]) => resources.use(connectFrom(lab, home, order))
    this.#publishers = setup.publishers.map(({ home, style, rate, large }, index) => {
      const order = [home, ...regions.filter((name) => name !== home)]
      const gap = this.#gaps[index] ?? new GapMeter()
      const mesh = connectTo(home, order)
      return new Publisher({ index, history: this.history, mesh, style, rate, large, gap, spill, now: this.now })
    })
    this.#subscribers = regions.flatMap((name, region) =>
      setup.topics
        .filter((topic) => topic.regions.includes(name))
        .map(({ name: topic }) => {
          const mesh = connectTo(name, [name])
          return new Subscriber({ history: this.history, region, topic, mesh, now: this.now })
        }),
    )
    resources.defer(
      lab.onExit(({ name, unexpected, code, signal, tail }) => {
        // A gateway that finds no NATS as it starts gives up, and its supervisor starts it once more.
        if (!unexpected || tail.includes('"msg":"start failed"')) return
        this.#crashes.push(`${this.clock()} ${name} ended with ${signal ?? code}: ${tail.slice(-300)}`)
      }),
    )
  }

  /** The time of the run, for people. */
  clock(): string {
    return `${(this.now() / 1_000).toFixed(1).padStart(6)} s`
  }

  /** Publishes and subscribes while `faults` go on, until the run's time is over and nothing is under way. */
  async run(faults: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { durationMs, say } = this.#options
    const publishing = new AbortController()
    const others = new AbortController()
    const load = this.#publishers.map((publisher) => publisher.run(publishing.signal))
    const watching = [
      this.#memory.run(this.#lab, others.signal),
      ...this.#subscribers.map((subscriber) => subscriber.run(this.#reading.signal)),
    ]
    const progress = setInterval(() => say(`${this.clock()} ${this.#progress()}`), PROGRESS_EVERY_MS)
    const injecting = faults(publishing.signal)
    await sleep(durationMs)
    publishing.abort()
    await Promise.all(load)
    await injecting
    clearInterval(progress)
    others.abort()
    this.#watching = watching
    say(`${this.clock()} all faults are over; ${this.#progress()}`)
  }

  readonly #reading = new AbortController()
  #watching: readonly Promise<void>[] = []

  /** Waits until all regions hold the same, or the time for it is over, and judges. */
  async settle(wipes: readonly Wipe[]): Promise<Settled> {
    const { setup, say } = this.#options
    const healed = this.now()
    const deadline = healed + setup.convergeMs
    for (;;) {
      const even = await whenEven(this.#lab.regions, setup.topics, deadline, this.now)
      const convergedMs = Math.round(this.now() - healed)
      say(`${this.clock()} ${even ? 'all regions are even' : 'the regions are not even'}, reading every stream`)
      const verdict = await this.#judge(wipes)
      const isDone = verdict !== undefined && verdict.counts.missing + verdict.counts.differing === 0
      if (verdict === undefined || (!isDone && this.now() < deadline)) {
        if (this.now() > deadline + READ_MORE_MS) throw new Error('judge: the streams cannot be read, see the log')
        await sleep(CHECK_EVERY_MS)
        continue
      }
      this.#reading.abort()
      await Promise.all(this.#watching)
      return { verdict, convergedMs: even && isDone ? convergedMs : undefined }
    }
  }

  /** Undefined when the streams cannot be read now. */
  async #judge(wipes: readonly Wipe[]): Promise<CheckReport | undefined> {
    try {
      const streams = await readLogs(this.#lab.regions, this.history)
      return check({ history: this.history, streams, wipes })
    } catch (error) {
      this.#options.say(`${this.clock()} ${String(error)}`)
      return undefined
    }
  }

  report(input: Settled & { readonly driver: FaultDriver; readonly planned: number }): ChaosReport {
    const { verdict, convergedMs, driver, planned } = input
    const { seed, durationMs, setup, folder } = this.#options
    return {
      seed,
      folder,
      durationMs,
      events: this.history.totals(),
      faults: { planned, done: driver.done.length, ...countFaults(driver.done), problems: driver.problems },
      verdict,
      convergedMs,
      gaps: setup.publishers.map(({ source, home, topic }, index) => ({
        publisher: source,
        home,
        topic,
        durability: setup.topics.find(({ name }) => name === topic)?.durability ?? 'local',
        worstMs: Math.round(this.#gaps[index]?.worstMs ?? 0),
      })),
      gapLimitMs: setup.gapLimitMs,
      memory: { limitMiB: setup.rssMaxMiB, worstMiB: this.#memory.worstMiB },
      subscribers: this.#subscribers.map(({ region, topic, delivered, repeated, ends }) => ({
        region: this.history.regions[region] ?? '',
        topic,
        delivered,
        repeated,
        ends,
        forgot: driver.wipes.some((wipe) => concerns(wipe, region, topic)),
      })),
      crashes: this.#crashes,
      unexpected: this.#publishers.flatMap(({ unexpected }) => (unexpected === undefined ? [] : [unexpected])),
    }
  }

  #progress(): string {
    const { tried, acknowledged, ambiguous, refused } = this.history.totals()
    const delivered = this.#subscribers.reduce((sum, subscriber) => sum + subscriber.delivered, 0)
    return `${tried} events tried, ${acknowledged} acknowledged, ${ambiguous} unclear, ${refused} refused, ${delivered} delivered`
  }
}

/** Connects as a service of a region. */
function connectFrom(lab: Lab, home: string, order: readonly string[]): Mesh {
  return connect({
    endpoints: order.flatMap((region) => lab.region(region).endpoints.map((address) => ({ address, region }))),
    tls: { ca: lab.caFile },
    token: () => lab.token({ subject: `chaos-${home}` }),
    timeoutMs: LANE_TIMEOUT_MS,
  })
}
