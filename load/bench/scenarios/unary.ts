import type { Latencies } from '../contender.ts'
import { ContenderProcess } from '../contender-process.ts'
import { REGION } from '../mesh.ts'
import { toRow } from '../report/row.ts'
import { percentile } from '../report/statistics.ts'
import { interleave } from '../rounds.ts'
import { StreamAdmin } from '../servers/stream-admin.ts'
import { roundsOf, type Scenario, syncText } from './scenario.ts'

const PER_SECOND = 200
const SECONDS = 2.5
const QUICK_SECONDS = 1
const JS_PUBLISH = 'one js.publish'
const UNARY = 'unary Publish'

/** What the gateway adds to the latency of one event. */
export const unary: Scenario = {
  name: 'unary',
  syncModes: ['always'],
  async run({ mesh, sync, rounds, quick, onTurn }) {
    const topic = await mesh.applyTopic('unary', [REGION])
    const natsUrl = mesh.natsUrl(REGION)
    await using admin = await StreamAdmin.connect(natsUrl)
    await admin.cloneStream(topic.stream, 'bench_paced', ['bench.paced'])
    await using js = await ContenderProcess.start('js-publish-paced', { natsUrl, subject: 'bench.paced' })
    await using publish = await ContenderProcess.start('publish-paced', {
      access: await mesh.access(REGION),
      topic: topic.name,
    })

    const task = { seconds: quick ? QUICK_SECONDS : SECONDS, perSecond: PER_SECOND }
    const outcomes = await interleave<Latencies>(
      [
        { name: JS_PUBLISH, run: () => js.run(task) },
        { name: UNARY, run: () => publish.run(task) },
      ],
      rounds,
      onTurn,
    )
    const row = (label: string, share: number, over: number | undefined) => {
      const of = (name: string) => roundsOf(outcomes, name).map(({ latenciesMs }) => percentile(latenciesMs, share))
      return toRow({
        name: `unary Publish ${label} at ${PER_SECOND}/s, ${syncText(sync)}`,
        unit: 'ms',
        rounds: of(UNARY),
        against: { name: JS_PUBLISH, rounds: of(JS_PUBLISH) },
        goal: over === undefined ? undefined : { kind: 'at-most-over', over },
      })
    }
    return [row('p50', 0.5, 1.5), row('p99', 0.99, undefined)]
  },
}
