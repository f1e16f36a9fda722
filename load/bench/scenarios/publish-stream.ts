import type { Throughput } from '../contender.ts'
import { ContenderProcess } from '../contender-process.ts'
import { REGION } from '../mesh.ts'
import { processCpuMs } from '../process-time.ts'
import { type BenchRow, toRow } from '../report/row.ts'
import { interleave } from '../rounds.ts'
import { StreamAdmin } from '../servers/stream-admin.ts'
import { rateOf, roundsOf, type Scenario, type ScenarioContext, syncText } from './scenario.ts'

const WINDOW = 512
const JS_PUBLISH = `js.publish, window ${WINDOW}`
const WRITER = 'batch writer, no gateway'
const STREAM = 'PublishStream'
const SECONDS = 1.5
const QUICK_SECONDS = 0.5

/** A publisher's outcome with the CPU time of the process that did the mesh's or the client's work for it. */
type Measured = Throughput & { readonly workCpuMs: number | undefined }

/** The gateway's hot path beside what a service could do without a mesh, and beside the same batches without a gateway in front. */
export const publishStream: Scenario = {
  name: 'publish-stream',
  syncModes: ['always', 'default'],
  async run(context) {
    const { mesh, sync } = context
    const natsUrl = mesh.natsUrl(REGION)
    const gatewayPid = mesh.gatewayPid(REGION)
    await using admin = await StreamAdmin.connect(natsUrl)
    await using js = await ContenderProcess.start('js-publish', { natsUrl, window: WINDOW })
    await using writer = await ContenderProcess.start('batch-writer', { natsUrl })
    await using stream = await ContenderProcess.start('publish-stream', { access: await mesh.access(REGION) })

    const seconds = context.quick ? QUICK_SECONDS : SECONDS
    const model = (await mesh.applyTopic('publish', [REGION])).stream
    let turns = 0
    /** A stream of its own for every turn: what was stored before, and is still on its way to the disk, would slow later turns. */
    const direct = async (contender: typeof js | typeof writer): Promise<Measured> => {
      const name = `bench_${++turns}`
      await admin.cloneStream(model, name, [`bench.${turns}`])
      const outcome = await contender.run({ stream: name, subject: `bench.${turns}`, seconds })
      await admin.deleteStream(name)
      return { ...outcome, workCpuMs: outcome.cpuMs }
    }
    const throughGateway = async (): Promise<Measured> => {
      const topic = await mesh.applyTopic(`publish-${++turns}`, [REGION])
      const before = await processCpuMs(gatewayPid)
      const outcome = await stream.run({ topic: topic.name, seconds })
      const after = await processCpuMs(gatewayPid)
      await admin.deleteStream(topic.stream)
      return { ...outcome, workCpuMs: before === undefined || after === undefined ? undefined : after - before }
    }
    const outcomes = await interleave(
      [
        { name: JS_PUBLISH, run: () => direct(js) },
        { name: WRITER, run: () => direct(writer) },
        { name: STREAM, run: throughGateway },
      ],
      context.rounds,
      context.onTurn,
    )
    return [...rateRows(outcomes, context), ...cpuRows(outcomes, sync)]
  },
}

function rateRows(outcomes: ReadonlyMap<string, readonly Measured[]>, { sync }: ScenarioContext): BenchRow[] {
  const rates = (name: string) => roundsOf(outcomes, name).map(rateOf)
  const compare = (against: string, times: number) =>
    toRow({
      name: `PublishStream, ${syncText(sync)}`,
      unit: 'events/s',
      rounds: rates(STREAM),
      against: { name: against, rounds: rates(against) },
      goal: { kind: 'at-least', times },
    })
  return [compare(JS_PUBLISH, sync === 'always' ? 10 : 3), compare(WRITER, 0.65)]
}

function cpuRows(outcomes: ReadonlyMap<string, readonly Measured[]>, sync: Scenario['syncModes'][number]): BenchRow[] {
  const cost = (name: string) =>
    roundsOf(outcomes, name).flatMap(({ workCpuMs, eventsInAll }) =>
      workCpuMs === undefined ? [] : [(workCpuMs * 1_000) / eventsInAll],
    )
  const gateway = cost(STREAM)
  if (gateway.length === 0) return []
  return [JS_PUBLISH, WRITER].map((against) =>
    toRow({
      name: `gateway CPU of PublishStream, ${syncText(sync)}`,
      unit: 'us/event',
      rounds: gateway,
      against: { name: `publisher CPU of ${against}`, rounds: cost(against) },
    }),
  )
}
