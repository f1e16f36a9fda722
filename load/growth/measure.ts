import { setTimeout as delay } from 'node:timers/promises'
import { residentMiB } from '../bench/process-memory.ts'
import { processCpuMs } from '../bench/process-time.ts'
import { GrownMesh } from './grown-mesh.ts'
import type { GrowthPoint } from './options.ts'

const IDLE_MS = 20_000
const PER_SECOND = 400
const WARM_UP_EVENTS = 2_000

/** What one process costs. */
export type Cost = {
  /** CPU while nothing happens, in ms of each second. */
  readonly idleCpuMsPerSecond: number
  /** CPU under load beyond that, by event. */
  readonly cpuUsPerEvent: number
  /** Resident memory while idle. */
  readonly memoryMiB: number
}

/** One line of `load/results/growth.json`. */
export type GrowthRow = GrowthPoint & {
  readonly events: number
  /** The gateway that is published to, and that serves every other region. */
  readonly origin: Cost
  /** The gateway of one of the other regions. */
  readonly receiver: Cost
  /** The nats-server of the origin while idle: what topics cost beyond the gateway. */
  readonly originServer: Cost
  /** JetStream consumers of the origin's server while idle. */
  readonly consumers: number
  /** Readers, in all regions together, that had not gone to sleep when the idle figures were taken: above 0 they are not of a mesh at rest. */
  readonly awake: number
}

/** Starts a mesh of this size and measures it. */
export async function measure(point: GrowthPoint, events: number, say: (line: string) => void): Promise<GrowthRow> {
  await using mesh = await GrownMesh.start(point, say)
  const [first, second] = mesh.lab.regions
  const pids = [first?.processes('gateway')[0], second?.processes('gateway')[0], first?.processes('nats')[0]].map(
    (process) => process?.pid ?? 0,
  )
  const cpuMs = async () => Promise.all(pids.map(async (pid) => (await processCpuMs(pid)) ?? Number.NaN))
  const load = async (count: number) => {
    const before = await mesh.figures()
    await mesh.publish(count, PER_SECOND)
    await mesh.untilStored(before, count)
  }
  say('  warming up')
  await load(WARM_UP_EVENTS)
  say('  waiting until all readers sleep')
  const awake = await mesh.untilAtRest()
  if (awake > 0) say(`  ${awake} readers do not: what follows is not a mesh at rest`)

  say(`  idle for ${IDLE_MS / 1_000} s`)
  const idle = await over(cpuMs, () => delay(IDLE_MS))
  const memory = await Promise.all(pids.map(residentMiB))
  const consumers = (await mesh.figures())[0]?.consumers ?? 0
  say(`  ${events} events, at most ${PER_SECOND}/s`)
  const busy = await over(cpuMs, () => load(events))

  const [origin, receiver, originServer] = pids.map((_, index): Cost => {
    const idleCpuMsPerSecond = ((idle.used[index] ?? 0) / idle.elapsedMs) * 1_000
    const loadCpuMs = (busy.used[index] ?? 0) - (idleCpuMsPerSecond * busy.elapsedMs) / 1_000
    return {
      idleCpuMsPerSecond: rounded(idleCpuMsPerSecond),
      cpuUsPerEvent: rounded((Math.max(0, loadCpuMs) * 1_000) / events),
      memoryMiB: rounded(memory[index] ?? 0),
    }
  })
  if (origin === undefined || receiver === undefined || originServer === undefined)
    throw new Error('measure growth: a process is missing')
  return { ...point, events, origin, receiver, originServer, consumers, awake }
}

/** What every counter grew by while `work` was done. */
async function over(
  read: () => Promise<readonly number[]>,
  work: () => Promise<unknown>,
): Promise<{ readonly used: readonly number[]; readonly elapsedMs: number }> {
  const startMs = performance.now()
  const before = await read()
  await work()
  const after = await read()
  return { used: after.map((value, index) => value - (before[index] ?? 0)), elapsedMs: performance.now() - startMs }
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
