import type { Latencies } from '../contender.ts'
import { ContenderProcess } from '../contender-process.ts'
import { BenchMesh } from '../mesh.ts'
import { toRow } from '../report/row.ts'
import { percentile } from '../report/statistics.ts'
import { interleave } from '../rounds.ts'
import { meshCarrier, NATIVE, nativeCarrier, OURS } from '../servers/carrier.ts'
import { NativePair } from '../servers/native-pair.ts'
import { type LoneScenario, roundsOf } from './scenario.ts'

const PER_SECOND = 100
const SECONDS = 6
const QUICK_SECONDS = 1

/**
 * From publishing into the origin's stream to reading from the receiver's, with nothing else going on: two regions that have carried nothing before, and
 * the one probe. Every round's p99 is the sixth highest of 600.
 */
export const idleDelay: LoneScenario = {
  name: 'idle-delay',
  async run({ natsBinary, rounds, quick, onTurn }) {
    await using stack = new AsyncDisposableStack()
    const mesh = stack.use(await BenchMesh.start('always'))
    const native = stack.use(await nativeCarrier(stack.use(await NativePair.start(natsBinary, 'always'))))
    const task = { seconds: quick ? QUICK_SECONDS : SECONDS, perSecond: PER_SECOND }
    const turns = []
    for (const carrier of [native, meshCarrier(mesh)]) {
      const { subject, toStream, filter, connect } = await carrier.prepare('lag')
      await connect()
      const setup = { fromUrl: carrier.originUrl, subject, toUrl: carrier.receiverUrl, stream: toStream, filter }
      const probe = stack.use(await ContenderProcess.start('lag-probe', setup))
      turns.push({ name: carrier.name, run: () => probe.run(task) })
    }
    const outcomes = await interleave<Latencies>(turns, rounds, onTurn)
    const row = (label: string, share: number, limit?: number) => {
      const of = (name: string) => roundsOf(outcomes, name).map(({ latenciesMs }) => percentile(latenciesMs, share))
      return toRow({
        name: `replication delay ${label}, idle, sync always`,
        unit: 'ms',
        rounds: of(OURS),
        against: { name: NATIVE, rounds: of(NATIVE) },
        goal: limit === undefined ? undefined : { kind: 'at-most', limit },
      })
    }
    const late = roundsOf(outcomes, OURS).map(({ lateMs = [] }) => percentile(lateMs, 0.99))
    // Part of the delays above: how late the probe itself was, which is the machine's doing.
    const noise = toRow({ name: 'probe of the replication delay late p99, idle', unit: 'ms', rounds: late })
    return [row('p50', 0.5), row('p99', 0.99, 6), noise]
  },
}
