import { streamName, type TopicName } from '@landbridge/core'
import type { Lab, LabOptions } from '@landbridge/lab'
import { NatsSession, streamStatus } from '@landbridge/nats'
import type { FaultRequest } from './control-client.ts'

/** The topic that every drill publishes to. */
export const DRILL_TOPIC: TopicName = { tenant: 'drill', topic: 'orders' }

/** What may be broken. */
export const DRILL_NAMES = ['region-loss', 'link-cut', 'nats-leader-loss'] as const
export type DrillName = (typeof DRILL_NAMES)[number]

/** What a drill must keep. */
export type DrillLimits = {
  /** Longest time from an event being due to its acknowledgement, retries included, in the fault and the recovery. */
  readonly rtoMs: number
  /** Longest time from the end of the healing until every region holds what the others held then. */
  readonly convergeMs: number
  /** Longest time from the fault until events go around it. Absent: there is nothing to go around. */
  readonly rerouteMs?: number
}

/** One drill. */
export type Drill = {
  readonly name: DrillName
  /** One sentence for people. */
  readonly story: string
  readonly lab: Pick<LabOptions, 'regions' | 'nodes'>
  /** The region that the fault is about. */
  readonly victim: string
  readonly limits: DrillLimits
  /** The requests that break the mesh, from how it stands at that moment, and those that mend it, in order. */
  plan(lab: Lab): Promise<{ readonly breaks: readonly FaultRequest[]; readonly heals: readonly FaultRequest[] }>
}

const VICTIM = 'us-east'
const OTHER = 'eu-west'

const DRILLS: Readonly<Record<DrillName, Drill>> = {
  'region-loss': {
    name: 'region-loss',
    story: `${VICTIM} is killed, its gateway and its NATS with SIGKILL; later both start again on the same disks.`,
    lab: { regions: [VICTIM, OTHER, 'ap-south'] },
    victim: VICTIM,
    limits: { rtoMs: 3_000, convergeMs: 15_000 },
    async plan() {
      return {
        breaks: [{ action: 'kill', region: VICTIM, target: 'all' }],
        heals: [{ action: 'start', region: VICTIM, target: 'all' }],
      }
    },
  },
  'link-cut': {
    name: 'link-cut',
    story: `${VICTIM} and ${OTHER} cannot reach each other, both ways and without a word (packets vanish); both reach ap-south.`,
    lab: { regions: [VICTIM, OTHER, 'ap-south'] },
    victim: VICTIM,
    limits: { rtoMs: 2_000, convergeMs: 10_000, rerouteMs: 3_500 },
    async plan() {
      return {
        breaks: [{ action: 'cut', from: VICTIM, to: OTHER, both: true, mode: 'blackhole' }],
        heals: [{ action: 'heal', from: VICTIM, to: OTHER, both: true }],
      }
    },
  },
  'nats-leader-loss': {
    name: 'nats-leader-loss',
    story: `The one of ${VICTIM}'s three nats-servers that leads the topic's stream is killed with SIGKILL; later it starts again.`,
    lab: { regions: [VICTIM, OTHER], nodes: 3 },
    victim: VICTIM,
    limits: { rtoMs: 2_000, convergeMs: 15_000 },
    async plan(lab) {
      const where = { region: VICTIM, target: 'nats', index: await leaderIndex(lab, VICTIM) }
      return { breaks: [{ action: 'kill', ...where }], heals: [{ action: 'start', ...where }] }
    },
  },
}

/** A drill by its name. */
export function drillNamed(name: DrillName): Drill {
  return DRILLS[name]
}

/** Which nats-server of a region leads the topic's stream. */
async function leaderIndex(lab: Lab, region: string): Promise<number> {
  await using session = await NatsSession.connect({
    servers: lab.region(region).natsUrls,
    name: 'landbridge-drill',
  })
  const leader = (await streamStatus(session, streamName(DRILL_TOPIC)))?.leader
  const index = Number(/-nats-(\d+)$/.exec(leader ?? '')?.[1])
  if (!Number.isInteger(index))
    throw new Error(`find the leader of ${region}: it is "${leader}", wanted "${region}-nats-<index>"`)
  return index
}
