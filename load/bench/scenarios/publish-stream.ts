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
const SECONDS = 2
const QUICK_SECONDS = 0.5

/** A publisher's outcome with the CPU time of the process that did the mesh's or the client's work for it. */
type Measured = Throughput & { readonly workCpuMs: number | undefined }

/** The gateway's hot path beside what a service could do without a mesh, and beside the same batches without a gateway in front. */
export const publishStream: Scenario = {
  name: 'publish-stream',
  syncModes: ['always', 'default'],
  async run(context) {
    const { mesh, sync } = context
    const topic = await mesh.applyTopic('publish', [REGION])
    const natsUrl = mesh.natsUrl(REGION)
    await using admin = await StreamAdmin.connect(natsUrl)
    await admin.cloneStream(topic.stream, 'bench_js', ['bench.js'])
    await admin.cloneStream(topic.stream, 'bench_writer', ['bench.writer'])
    await using js = await ContenderProcess.start('js-publish', { natsUrl, subject: 'bench.js', window: WINDOW })
    await using writer = await ContenderProcess.start('batch-writer', {
      natsUrl,
      stream: 'bench_writer',
      subject: 'bench.writer',
    })
    await using stream = await ContenderProcess.start('publish-stream', {
      access: await mesh.access(REGION),
      topic: topic.name,
    })

    const task = { seconds: context.quick ? QUICK_SECONDS : SECONDS }
    const measured = async (run: () => Promise<Throughput>, workerPid?: number): Promise<Measured> => {
      const before = workerPid === undefined ? undefined : await processCpuMs(workerPid)
      const outcome = await run()
      const after = workerPid === undefined ? undefined : await processCpuMs(workerPid)
      const workCpuMs =
        workerPid === undefined
          ? outcome.cpuMs
          : before === undefined || after === undefined
            ? undefined
            : after - before
      return { ...outcome, workCpuMs }
    }
    const outcomes = await interleave(
      [
        { name: JS_PUBLISH, run: () => measured(() => js.run(task)) },
        { name: WRITER, run: () => measured(() => writer.run(task)) },
        { name: STREAM, run: () => measured(() => stream.run(task), mesh.gatewayPid(REGION)) },
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
