import { setTimeout as delay } from 'node:timers/promises'
import { ContenderProcess } from '../contender-process.ts'
import { BenchMesh } from '../mesh.ts'
import { toRow } from '../report/row.ts'
import { interleave } from '../rounds.ts'
import { meshCarrier, NATIVE, nativeCarrier, OURS } from '../servers/carrier.ts'
import { NativePair } from '../servers/native-pair.ts'
import { StreamAdmin } from '../servers/stream-admin.ts'
import { type LoneScenario, roundsOf } from './scenario.ts'

const PER_SECOND = 50
const CUT_MS = 10_000
const QUICK_CUT_MS = 3_000
const STEADY_MS = 1_000
const RESUME_LIMIT_MS = 60_000
const POLL_MS = 5

/**
 * From healing a link, whose connections were reset and refused for ten seconds, to the first event over it. The origin goes on publishing all
 * the time, so there is something to carry at once.
 */
export const resume: LoneScenario = {
  name: 'resume',
  async run({ natsBinary, rounds, quick, onTurn }) {
    const cutMs = quick ? QUICK_CUT_MS : CUT_MS
    await using stack = new AsyncDisposableStack()
    const mesh = stack.use(await BenchMesh.start('always', 'proxied'))
    const pair = stack.use(await NativePair.start(natsBinary, 'always', 'proxied'))
    const native = stack.use(await nativeCarrier(pair))
    const setMode = async (mode: 'refused' | 'open') => pair.link?.setMode(mode)
    const candidates = [
      { carrier: native, cut: () => setMode('refused'), heal: () => setMode('open') },
      { carrier: meshCarrier(mesh), cut: () => mesh.cut(), heal: () => mesh.heal() },
    ]
    const turns = []
    for (const { carrier, cut, heal } of candidates) {
      const { subject, toStream, connect } = await carrier.prepare('resume')
      await connect()
      const to = stack.use(await StreamAdmin.connect(carrier.receiverUrl))
      const load = stack.use(await ContenderProcess.start('js-publish-paced', { natsUrl: carrier.originUrl, subject }))
      const run = async () => {
        const carriedBefore = await to.messages(toStream)
        const seconds = (STEADY_MS + cutMs) / 1_000
        const publishing = load.run({ seconds, perSecond: PER_SECOND })
        // Awaited below; until then nobody listens.
        publishing.catch(() => {})
        await grown(to, toStream, carriedBefore)
        await delay(STEADY_MS)
        await cut()
        await delay(cutMs)
        await publishing
        const before = await to.messages(toStream)
        const healedAt = performance.now()
        await heal()
        await grown(to, toStream, before)
        return performance.now() - healedAt
      }
      turns.push({ name: carrier.name, run })
    }
    const outcomes = await interleave(turns, rounds, onTurn)
    return [
      toRow({
        name: `resumed after a link was healed, cut for ${cutMs / 1_000} s, longest of the rounds`,
        unit: 'ms',
        rounds: roundsOf(outcomes, OURS),
        against: { name: NATIVE, rounds: roundsOf(outcomes, NATIVE) },
        goal: { kind: 'at-most', limit: 2_000 },
        stands: 'highest',
      }),
    ]
  },
}

/** Waits until the stream holds more than `before`. */
async function grown(to: StreamAdmin, stream: string, before: number): Promise<void> {
  const endMs = performance.now() + RESUME_LIMIT_MS
  while ((await to.messages(stream)) <= before) {
    if (performance.now() > endMs) throw new Error(`wait for ${stream}: no event within ${RESUME_LIMIT_MS} ms`)
    await delay(POLL_MS)
  }
}
