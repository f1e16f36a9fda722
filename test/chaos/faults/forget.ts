import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseTopicName, streamName, unwrap } from '@landbridge/core'
import { copyStore, type LabRegion, putBackStore, truncateStore } from '@landbridge/lab'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { Fault, Interruption } from '../plan/fault.ts'
import type { ActiveFault, FaultContext } from './actions.ts'
import { startAgain } from './start-again.ts'

type FaultOf<Kind extends Fault['kind']> = Extract<Fault, { readonly kind: Kind }>

const APPLY_TRIES_MAX = 60
const APPLY_PAUSE_MS = 500

/**
 * Copies the region's store now and, when buckets and streams are to differ, once more after half the time. Healing is the
 * power loss itself: everything is killed and starts from the copies.
 */
export async function powerLoss(
  { lab, now, wiped }: FaultContext,
  fault: FaultOf<'power-loss'>,
  forMs: number,
): Promise<ActiveFault> {
  const region = lab.region(fault.region)
  const [first, second] = ['first', 'second'].map((name) => join(lab.stateDir, region.name, `copy-${name}`))
  if (first === undefined || second === undefined) throw new Error('power loss: no place for copies')
  const firstMs = now()
  await copyStore(region, 0, first)
  let secondMs = firstMs
  if (fault.buckets !== 'same') {
    await sleep(forMs / 2)
    secondMs = now()
    await copyStore(region, 0, second)
  }
  const later = fault.buckets === 'same' ? first : second
  const copies = fault.buckets === 'older' ? { streams: later, buckets: first } : { streams: first, buckets: later }
  return {
    heal: async () => {
      await region.kill(fault.gateways ? 'all' : 'nats')
      wiped({ region: region.name, fromMs: fault.buckets === 'older' ? secondMs : firstMs })
      await putBackStore(region, 0, copies)
      await region.start('nats')
      if (fault.gateways) {
        await Promise.all(region.processes('gateway').map((_, index) => startAgain(region, 'gateway', index)))
      }
      await interrupt(region, fault.interruption)
      for (const copy of [first, second]) await rm(copy, { recursive: true, force: true })
    },
  }
}

/** Kills one server of a cluster and cuts its store; healing starts it. */
export async function truncateOne(region: LabRegion, fault: FaultOf<'truncate'>): Promise<ActiveFault> {
  const { index, topic, share } = fault
  await region.kill('nats', { index })
  const cut = await truncateStore(region, index, streamName(unwrap(parseTopicName(topic))), share).catch(() => 0)
  return { detail: `${cut} bytes`, heal: () => region.start('nats', { index }) }
}

/** Deletes a topic's stream; healing applies the topic once more. */
export async function recreate(context: FaultContext, fault: FaultOf<'recreate'>): Promise<ActiveFault> {
  const { lab, wiped } = context
  const region = lab.region(fault.region)
  const connection = await connect({ servers: [...region.natsUrls], name: 'chaos' })
  try {
    const manager = await jetstreamManager(connection)
    await manager.streams.delete(streamName(unwrap(parseTopicName(fault.topic))))
  } finally {
    await connection.close()
  }
  wiped({ region: region.name, topic: fault.topic, fromMs: 0 })
  return {
    heal: async () => {
      await applyAgain(context, region)
      await interrupt(region, fault.interruption)
    },
  }
}

async function applyAgain({ lab, documents }: FaultContext, region: LabRegion): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await lab.apply(documents, { region: region.name })
      return
    } catch (error) {
      if (tries === APPLY_TRIES_MAX) throw error
      await sleep(APPLY_PAUSE_MS)
    }
  }
}

/** Kills the gateway that may be in the middle of getting back what the region forgot, and starts it again. */
async function interrupt(region: LabRegion, interruption: Interruption | undefined): Promise<void> {
  if (interruption === undefined) return
  const { gateway: index, afterMs } = interruption
  await sleep(afterMs)
  await region.kill('gateway', { index })
  await startAgain(region, 'gateway', index)
}
