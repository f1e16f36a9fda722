import { parseTopicName, streamName, unwrap } from '@landbridge/core'
import type { Lab, LabRegion } from '@landbridge/lab'
import { NatsSession, streamStatus } from '@landbridge/nats'
import type { Fault, LinkTrouble } from '../plan/fault.ts'

/** A fault that is in effect. */
export type ActiveFault = {
  /** More words than the plan had, such as which server led. */
  readonly detail?: string
  /** Ends it, and resolves when everything it touched runs again. */
  readonly heal: () => Promise<void>
}

const STOP_GRACE_MS = 10_000

/** Brings a fault about. Resolves when it is in effect. */
export async function inject(lab: Lab, fault: Fault): Promise<ActiveFault> {
  switch (fault.kind) {
    case 'kill':
      return kill(lab.region(fault.region), fault.role, fault.index)
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
      return { heal: () => region.start('all') }
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
  }
}

async function kill(region: LabRegion, role: 'gateway' | 'nats', index: number): Promise<ActiveFault> {
  await region.kill(role, { index })
  return { heal: () => region.start(role, { index }) }
}

async function pause(region: LabRegion, role: 'gateway' | 'nats', index: number): Promise<ActiveFault> {
  await region.pause(role, { index })
  return { heal: () => region.resume(role, { index }) }
}

async function trouble(
  lab: Lab,
  pairs: readonly (readonly [string, string])[],
  mode: LinkTrouble,
): Promise<ActiveFault> {
  await Promise.all(pairs.map(([from, to]) => lab.cut(from, to, mode)))
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
    for (const process of region.processes('all')) {
      await process.stop(STOP_GRACE_MS)
      await process.start()
    }
  }
}
