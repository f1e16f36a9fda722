import { setTimeout as delay } from 'node:timers/promises'
import { ContenderProcess } from '../contender-process.ts'
import { BenchMesh, REGION, REMOTE_REGION } from '../mesh.ts'
import { toRow } from '../report/row.ts'
import { percentile } from '../report/statistics.ts'
import { interleave } from '../rounds.ts'
import { type LoneScenario, roundsOf } from './scenario.ts'

const PER_SECOND = 50
const STEADY_MS = 1_000
const SECONDS = 6
/** Outages in one measured round. */
const OUTAGES = 2

const FORWARD = 'NATS of a region dies, its gateway forwards'
const ELSEWHERE = 'NATS and gateways of a region die, the SDK goes elsewhere'

/**
 * How long a client waits for the acknowledgement of an event while its region goes down, retries included. Of each outage the event that waited longest
 * counts, and of all outages (rounds x OUTAGES, those of the warm-up left out) the longest: ten have no other p99.
 */
export const publishGap: LoneScenario = {
  name: 'publish-gap',
  async run({ rounds, quick, onTurn }) {
    await using mesh = await BenchMesh.start('always', 'proxied')
    const topic = await mesh.applyTopic('gap', [REGION, REMOTE_REGION])
    await using stack = new AsyncDisposableStack()
    const candidates = [
      // A client that knows of no other region: the gap is what its gateway makes of it.
      { name: FORWARD, target: 'nats', access: await mesh.access(REGION), limit: 2_000 },
      { name: ELSEWHERE, target: 'all', access: await mesh.access(REGION, REMOTE_REGION), limit: 3_000 },
    ] as const
    const turns = []
    for (const { name, target, access } of candidates) {
      const setup = { access, topic: topic.name, home: REGION }
      const client = stack.use(await ContenderProcess.start('publish-through', setup))
      const outage = async () => {
        await client.run({ kind: 'settle' })
        const publishing = client.run({ kind: 'publish', seconds: SECONDS, perSecond: PER_SECOND })
        // Awaited below; until then nobody listens.
        publishing.catch(() => {})
        await delay(STEADY_MS)
        await mesh.kill(REGION, target)
        const { latenciesMs } = await publishing
        await mesh.restart(REGION)
        return percentile(latenciesMs, 1)
      }
      const run = async () => {
        const gaps: number[] = []
        for (let count = 0; count < (quick ? 1 : OUTAGES); count++) gaps.push(await outage())
        return gaps
      }
      turns.push({ name, run })
    }
    const outcomes = await interleave(turns, rounds, onTurn)
    return candidates.map(({ name, limit }) => {
      const gaps = roundsOf(outcomes, name).flat()
      return toRow({
        name: `publish gap, ${name}, longest of ${gaps.length} outages`,
        unit: 'ms',
        rounds: gaps,
        goal: { kind: 'at-most', limit },
        stands: 'highest',
      })
    })
  },
}
