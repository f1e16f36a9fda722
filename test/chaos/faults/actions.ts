import { parseTopicName, streamName, unwrap } from '@landbridge/core'
import type { Lab, LabRegion } from '@landbridge/lab'
import { NatsSession, streamStatus } from '@landbridge/nats'
import type { Fault, Trouble } from '../plan/fault.ts'
import { powerLoss, recreate, truncateOne } from './forget.ts'
import { killWhileStarting, startAgain } from './start-again.ts'

/** A fault that is in effect. */
export type ActiveFault = {
  /** More words than the plan had, such as which server led. */
  readonly detail?: string
  /** Ends it, and resolves when everything it touched runs again. */
  readonly heal: () => Promise<void>
}

const STOP_GRACE_MS = 10_000

/** What faults need to know of the run. */
export type FaultContext = {
  readonly lab: Lab
  /** A topic whose stream is gone is there again after these (YAML). */
  readonly documents: string
  /** Milliseconds since the run began. */
  readonly now: () => number
  /** A region has forgotten something. */
  readonly wiped: (wipe: { readonly region: string; readonly topic?: string; readonly fromMs: number }) => void
}

/** Brings a fault about that lasts `forMs`. Resolves when it is in effect. */
export async function inject(context: FaultContext, fault: Fault, forMs: number): Promise<ActiveFault> {
  const { lab } = context
  switch (fault.kind) {
    case 'kill':
      return kill(lab.region(fault.region), fault.role, fault.index)
    case 'kill-again': {
      const region = lab.region(fault.region)
      await region.kill(fault.role, { index: fault.index })
      return { heal: () => killWhileStarting(region, fault) }
    }
    case 'pause':
      return pause(lab.region(fault.region), fault.role, fault.index)
    case 'leader': {
      const region = lab.region(fault.region)
      const index = await leaderOf(region, fault.topic)
      const active = await (fault.how === 'kill' ? kill : pause)(region, 'nats', index)
      return { ...active, detail: `nats-${index}` }
    }
    case 'region-loss': {
      const region = lab.region(fault.region)
      await region.kill('all')
      return {
        heal: async () => {
          await region.start('nats')
          await Promise.all(region.processes('gateway').map((_, index) => startAgain(region, 'gateway', index)))
        },
      }
    }
    case 'link':
      return trouble(lab, [[fault.from, fault.to]], fault.trouble)
    case 'cut':
      return trouble(
        lab,
        [
          [fault.one, fault.other],
          [fault.other, fault.one],
        ],
        fault.trouble,
      )
    case 'isolate': {
      const others = lab.regions.map(({ name }) => name).filter((name) => name !== fault.region)
      const pairs = others.flatMap((other) => [[fault.region, other] as const, [other, fault.region] as const])
      return trouble(lab, pairs, fault.trouble)
    }
    case 'rolling-restart':
      return { heal: () => rollingRestart(lab) }
    case 'clock': {
      const region = lab.region(fault.region)
      await region.setClock(fault.index, fault.offsetMs)
      return { heal: () => region.setClock(fault.index, 0) }
    }
    case 'disk-full':
      return fullDisk(lab, fault.region, fault.index)
    case 'truncate':
      return truncateOne(lab.region(fault.region), fault)
    case 'power-loss':
      return powerLoss(context, fault, forMs)
    case 'recreate':
      return recreate(context, fault)
  }
}

async function fullDisk(lab: Lab, name: string, index: number): Promise<ActiveFault> {
  const region = lab.region(name)
  await lab.disks.fill(`${name}/nats-${index}`)
  return {
    heal: async () => {
      await lab.disks.free(`${name}/nats-${index}`)
      // The server has switched JetStream off when it ran out of space.
      await region.restart('nats', { index })
    },
  }
}

async function kill(region: LabRegion, role: 'gateway' | 'nats', index: number): Promise<ActiveFault> {
  await region.kill(role, { index })
  return { heal: () => startAgain(region, role, index) }
}

async function pause(region: LabRegion, role: 'gateway' | 'nats', index: number): Promise<ActiveFault> {
  await region.pause(role, { index })
  return { heal: () => region.resume(role, { index }) }
}

async function trouble(lab: Lab, pairs: readonly (readonly [string, string])[], what: Trouble): Promise<ActiveFault> {
  const begin = (from: string, to: string) =>
    typeof what === 'string' ? lab.cut(from, to, what) : lab.trouble(from, to, what)
  await Promise.all(pairs.map(([from, to]) => begin(from, to)))
  return {
    heal: async () => {
      await Promise.all(pairs.map(([from, to]) => lab.heal(from, to)))
    },
  }
}

/** Which server leads a topic's stream; 0 when nobody can tell now. */
async function leaderOf(region: LabRegion, topic: string): Promise<number> {
  try {
    await using session = await NatsSession.connect({ servers: [...region.natsUrls], name: 'chaos' })
    const status = await streamStatus(session, streamName(unwrap(parseTopicName(topic))))
    return Math.max(
      0,
      region.processes('nats').findIndex(({ spec }) => spec.name.replace('/', '-') === status?.leader),
    )
  } catch {
    return 0
  }
}

async function rollingRestart(lab: Lab): Promise<void> {
  for (const region of lab.regions) {
    for (const role of ['nats', 'gateway'] as const) {
      for (const [index, process] of region.processes(role).entries()) {
        await process.stop(STOP_GRACE_MS)
        await startAgain(region, role, index)
      }
    }
  }
}
