import { ContenderProcess } from '../contender-process.ts'
import { type BenchRow, toRow } from '../report/row.ts'
import { interleave } from '../rounds.ts'
import { type Carrier, meshCarrier, NATIVE, nativeCarrier, OURS } from '../servers/carrier.ts'
import { NativePair } from '../servers/native-pair.ts'
import { StreamAdmin } from '../servers/stream-admin.ts'
import { roundsOf, type Scenario, type ScenarioContext, syncText } from './scenario.ts'

// A native source forces every single event to the disk when told to, which takes its time.
const EVENTS = { default: 60_000, always: 6_000 } as const
const QUICK_EVENTS = 5_000
const ARRIVAL_LIMIT_MS = 60_000

/** How fast one region's events get into another. The load is the same for both and comes from outside of the gateways. */
export const replication: Scenario = {
  name: 'replication',
  syncModes: ['always', 'default'],
  async run(context) {
    const { mesh, sync } = context
    await using pair = await NativePair.start(context.natsBinary, sync)
    await using native = await nativeCarrier(pair)
    const ours = meshCarrier(mesh)
    const rows = await measureRates([native, ours], context)
    return rows.map((row) => ({ ...row, name: `${row.name}, ${syncText(sync)}` }))
  },
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
      goal: { kind: 'at-least', times: 0.7 },
    }),
  )
}
