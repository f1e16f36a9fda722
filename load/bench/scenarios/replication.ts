import type { Latencies } from '../contender.ts'
import { ContenderProcess } from '../contender-process.ts'
import { type BenchTopic, originSubject, REGION, REMOTE_REGION } from '../mesh.ts'
import { type BenchRow, toRow } from '../report/row.ts'
import { percentile } from '../report/statistics.ts'
import { interleave } from '../rounds.ts'
import { NativePair } from '../servers/native-pair.ts'
import { StreamAdmin } from '../servers/stream-admin.ts'
import { roundsOf, type Scenario, type ScenarioContext, syncText } from './scenario.ts'

const NATIVE = 'native source'
const OURS = 'Replicate'
// A native source forces every single event to the disk when told to, which takes its time.
const EVENTS = { default: 60_000, always: 6_000 } as const
const QUICK_EVENTS = 5_000
const ARRIVAL_LIMIT_MS = 60_000
const LAG_PER_SECOND = 100
const LAG_SECONDS = 1.5

/** One way to carry a stream's events from one server to another. */
type Carrier = {
  readonly name: string
  readonly originUrl: string
  readonly receiverUrl: string
  /** Makes the origin's stream. */
  prepare(id: string): Promise<Carried>
}

/** One stream on its way; `connect` lets it begin. */
type Carried = {
  readonly subject: string
  readonly fromStream: string
  readonly toStream: string
  readonly filter: string
  connect(): Promise<void>
}

/** How fast and how soon one region's events are in another. The load is the same for both and comes from outside of the gateways. */
export const replication: Scenario = {
  name: 'replication',
  syncModes: ['always', 'default'],
  async run(context) {
    const { mesh, sync } = context
    await using pair = await NativePair.start(context.natsBinary, sync)
    await using origin = await StreamAdmin.connect(pair.origin.url)
    await using receiver = await StreamAdmin.connect(pair.receiver.url)
    const native: Carrier = {
      name: NATIVE,
      originUrl: pair.origin.url,
      receiverUrl: pair.receiver.url,
      prepare: async (id) => {
        await origin.addStream(id, { subjects: [`${id}.>`] })
        return {
          subject: `${id}.event`,
          fromStream: id,
          toStream: id,
          filter: `${id}.>`,
          connect: () => receiver.addStream(id, { source: id, domain: 'origin' }),
        }
      },
    }
    const ours: Carrier = {
      name: OURS,
      originUrl: mesh.natsUrl(REGION),
      receiverUrl: mesh.natsUrl(REMOTE_REGION),
      prepare: async (id) => {
        const topic = await mesh.applyTopic(id, [REGION, REMOTE_REGION], [REGION])
        return {
          ...placesOf(topic),
          connect: async () => void (await mesh.applyTopic(id, [REGION, REMOTE_REGION], [REMOTE_REGION])),
        }
      },
    }
    const carriers = [native, ours]
    const rates = await measureRates(carriers, context)
    const lags = await measureLags(carriers, context)
    return [...rates, ...lags].map((row) => ({ ...row, name: `${row.name}, ${syncText(sync)}` }))
  },
}

function placesOf(topic: BenchTopic): Omit<Carried, 'connect'> {
  const subject = originSubject(topic, REGION)
  return { subject, fromStream: topic.stream, toStream: topic.stream, filter: subject }
}

/** Events a second, with everything stored before the connection (catch-up), and with everything stored while it stands (sustained). */
async function measureRates(carriers: readonly Carrier[], context: ScenarioContext): Promise<BenchRow[]> {
  const events = context.quick ? QUICK_EVENTS : EVENTS[context.sync]
  const modes = ['catch-up', 'sustained'] as const
  await using stack = new AsyncDisposableStack()
  const turns = []
  for (const carrier of carriers) {
    const load = stack.use(await ContenderProcess.start('batch-load', { natsUrl: carrier.originUrl }))
    const to = stack.use(await StreamAdmin.connect(carrier.receiverUrl))
    let runs = 0
    for (const mode of modes) {
      turns.push({
        name: `${carrier.name} ${mode}`,
        run: async () => {
          const carried = await carrier.prepare(`${mode}-${++runs}`)
          if (mode === 'sustained') await carried.connect()
          await load.run({ stream: carried.fromStream, subject: carried.subject, events })
          if (mode === 'catch-up') await carried.connect()
          await to.waitForMessages(carried.toStream, events, ARRIVAL_LIMIT_MS)
          return to.storedRate(carried.toStream)
        },
      })
    }
  }
  const outcomes = await interleave(turns, context.rounds, context.onTurn)
  return modes.map((mode) =>
    toRow({
      name: `replication, ${mode}`,
      unit: 'events/s',
      rounds: roundsOf(outcomes, `${OURS} ${mode}`),
      against: { name: NATIVE, rounds: roundsOf(outcomes, `${NATIVE} ${mode}`) },
      goal: { kind: 'at-least', times: 0.5 },
    }),
  )
}

/** From publishing into the origin's stream to reading from the receiver's, with next to nothing going on. */
async function measureLags(carriers: readonly Carrier[], context: ScenarioContext): Promise<BenchRow[]> {
  await using stack = new AsyncDisposableStack()
  const task = { seconds: context.quick ? 1 : LAG_SECONDS, perSecond: LAG_PER_SECOND }
  const turns = []
  for (const carrier of carriers) {
    const { subject, toStream, filter, connect } = await carrier.prepare('lag')
    await connect()
    const setup = { fromUrl: carrier.originUrl, subject, toUrl: carrier.receiverUrl, stream: toStream, filter }
    const probe = stack.use(await ContenderProcess.start('lag-probe', setup))
    turns.push({ name: carrier.name, run: () => probe.run(task) })
  }
  const outcomes = await interleave<Latencies>(turns, context.rounds, context.onTurn)
  return (
    [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const
  ).map(([label, share]) => {
    const of = (name: string) => roundsOf(outcomes, name).map(({ latenciesMs }) => percentile(latenciesMs, share))
    return toRow({
      name: `replication lag ${label}, idle`,
      unit: 'ms',
      rounds: of(OURS),
      against: { name: NATIVE, rounds: of(NATIVE) },
    })
  })
}
