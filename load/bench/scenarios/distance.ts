import { ContenderProcess } from '../contender-process.ts'
import { BenchMesh, type Distance, NO_DISTANCE } from '../mesh.ts'
import { toRow } from '../report/row.ts'
import { interleave } from '../rounds.ts'
import { meshCarrier } from '../servers/carrier.ts'
import { StreamAdmin } from '../servers/stream-admin.ts'
import { type LoneScenario, roundsOf } from './scenario.ts'

const DISTANCES: readonly Distance[] = [
  NO_DISTANCE,
  { roundTripMs: 20, packetLoss: 0 },
  { roundTripMs: 80, packetLoss: 0 },
  { roundTripMs: 80, packetLoss: 0.01 },
  { roundTripMs: 200, packetLoss: 0 },
]
const EVENTS = 60_000
const QUICK_EVENTS = 5_000
const ARRIVAL_LIMIT_MS = 60_000

/**
 * Catching up over a long way. toxiproxy hands every chunk on after half of the round trip; that holds up whatever waits for an answer of the other
 * region, credit and HTTP/2 windows included.
 *
 * Where packets are lost, the lab's proxy keeps back each chunk that would have been in a packet that is lost (a chunk of 64 KiB is 46 packets: more
 * than a third of such chunks have a hole at 1%) for another round trip, which is what TCP takes to repair a hole that it is told of; all that is
 * behind waits in order and arrives with it. So this shows whether windows stay open long enough to bridge the holes, and what bursts do.
 *
 * Neither shows what the kernels' TCP does over a distance: sockets of one machine never lose anything, so windows do not grow from small ones, and
 * congestion control never slows down. Over a real link it does, whatever is above it: a loss-based control (CUBIC) at 80 ms and 1% random loss
 * carries about MSS / RTT * 1.22 / sqrt(loss) = 220 kB/s a connection (Mathis et al. 1997); one that goes by measured bandwidth (BBR) carries far more.
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
    const turns = DISTANCES.map((between) => ({
      name: nameOf(between),
      run: async () => {
        const carried = await carrier.prepare(`distance-${++runs}`)
        await load.run({ stream: carried.fromStream, subject: carried.subject, events })
        await mesh.setDistance(between)
        await carried.connect()
        await to.waitForMessages(carried.toStream, events, ARRIVAL_LIMIT_MS)
        await mesh.setDistance(NO_DISTANCE)
        return to.storedRate(carried.toStream)
      },
    }))
    const outcomes = await interleave(turns, rounds, onTurn)
    const near = nameOf(NO_DISTANCE)
    return DISTANCES.filter(({ roundTripMs }) => roundTripMs > 0).map((between) =>
      toRow({
        name: `replication, catch-up over ${nameOf(between)}, sync always`,
        unit: 'events/s',
        rounds: roundsOf(outcomes, nameOf(between)),
        against: { name: near, rounds: roundsOf(outcomes, near) },
        goal: between.roundTripMs === 80 && between.packetLoss === 0 ? { kind: 'at-least', times: 0.8 } : undefined,
      }),
    )
  },
}

function nameOf({ roundTripMs, packetLoss }: Distance): string {
  const roundTrip = `${roundTripMs} ms RTT`
  return packetLoss === 0 ? roundTrip : `${roundTrip} and ${packetLoss * 100}% loss`
}
