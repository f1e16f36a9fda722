import { ContenderProcess } from '../contender-process.ts'
import { BenchMesh } from '../mesh.ts'
import { toRow } from '../report/row.ts'
import { interleave } from '../rounds.ts'
import { meshCarrier } from '../servers/carrier.ts'
import { StreamAdmin } from '../servers/stream-admin.ts'
import { type LoneScenario, roundsOf } from './scenario.ts'

const ROUND_TRIPS_MS = [0, 20, 80, 200] as const
const EVENTS = 60_000
const QUICK_EVENTS = 5_000
const ARRIVAL_LIMIT_MS = 60_000

/**
 * Catching up over a long way. toxiproxy hands every chunk on after half of the round trip; that holds up whatever waits for an answer of the other
 * region, credit and HTTP/2 windows included. It does not show what TCP itself does over a distance: its windows, and its answer to loss.
 */
export const distance: LoneScenario = {
  name: 'distance',
  async run({ rounds, quick, onTurn }) {
    const events = quick ? QUICK_EVENTS : EVENTS
    await using mesh = await BenchMesh.start('always', 'delayed')
    const carrier = meshCarrier(mesh)
    await using to = await StreamAdmin.connect(carrier.receiverUrl)
    await using load = await ContenderProcess.start('batch-load', { natsUrl: carrier.originUrl })
    let runs = 0
    const turns = ROUND_TRIPS_MS.map((roundTripMs) => ({
      name: nameOf(roundTripMs),
      run: async () => {
        const carried = await carrier.prepare(`distance-${++runs}`)
        await load.run({ stream: carried.fromStream, subject: carried.subject, events })
        await mesh.delay(roundTripMs)
        await carried.connect()
        await to.waitForMessages(carried.toStream, events, ARRIVAL_LIMIT_MS)
        await mesh.delay(0)
        return to.storedRate(carried.toStream)
      },
    }))
    const outcomes = await interleave(turns, rounds, onTurn)
    const near = nameOf(0)
    return ROUND_TRIPS_MS.filter((roundTripMs) => roundTripMs > 0).map((roundTripMs) =>
      toRow({
        name: `replication, catch-up over ${nameOf(roundTripMs)}, sync always`,
        unit: 'events/s',
        rounds: roundsOf(outcomes, nameOf(roundTripMs)),
        against: { name: near, rounds: roundsOf(outcomes, near) },
        goal: roundTripMs === 80 ? { kind: 'at-least', times: 0.8 } : undefined,
      }),
    )
  },
}

function nameOf(roundTripMs: number): string {
  return `${roundTripMs} ms RTT`
}
