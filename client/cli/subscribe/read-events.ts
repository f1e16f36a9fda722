import { MeshError } from '@landbridge/core'
import type { Delivery, Mesh, Subscription } from '../../index.ts'
import type { Context } from '../context.ts'
import { messageOf } from '../explain.ts'
import type { Printer } from '../printer.ts'
import { deliveryJson, eventLine } from './event-line.ts'

/** How to read. */
export type ReadOptions = {
  readonly printer: Printer
  readonly context: Context
  /** Ends after so many events; Infinity for never. */
  readonly count: number
  /** True when events are acknowledged after they were printed. */
  readonly acknowledges: boolean
}

/** Acknowledgements that may be under way before reading waits for them. */
const ACKS_MAX = 1_000
/** Time of the call that finds out why a subscription does not stand, milliseconds. */
const PROBE_MS = 2_000

/**
 * Prints events until `count` are printed or the subscription ends; resolves with their number. In a group each event is
 * acknowledged once it was printed, and all acknowledgements are waited for at the end.
 */
export async function readEvents(
  subscription: AsyncIterable<Delivery>,
  { printer, context, count, acknowledges }: ReadOptions,
): Promise<number> {
  const acks = new Set<Promise<void>>()
  let printed = 0
  for await (const delivery of subscription) {
    await printer.item(
      () => eventLine(delivery, printer),
      () => deliveryJson(delivery),
    )
    printed += 1
    if (acknowledges) {
      const ack: Promise<void> = acknowledge(delivery, context).finally(() => acks.delete(ack))
      acks.add(ack)
      if (acks.size >= ACKS_MAX) await Promise.race(acks)
    }
    // Before `break`, which closes the subscription.
    if (printed >= count) {
      await Promise.all(acks)
      break
    }
  }
  await Promise.all(acks)
  return printed
}

/**
 * Waits until the subscription stands. @throws MeshError what the mesh refuses it for, or after `withinMs` why no gateway
 * answers.
 */
export async function untilReady(
  subscription: Pick<Subscription, 'ready'>,
  mesh: Pick<Mesh, 'topics'>,
  topic: string,
  withinMs: number,
): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>()
  const timer = setTimeout(resolve, withinMs, 'late')
  try {
    const ready = subscription.ready().catch((error: unknown) => {
      // Its own time may end it a moment before the timer does.
      if (MeshError.from(error).code === 'cancelled') return 'late' as const
      throw error
    })
    if ((await Promise.race([ready, late])) !== 'late') return
  } finally {
    clearTimeout(timer)
  }
  // A subscription tries for ever and keeps the reasons to itself; a call tells them.
  await mesh.topics.get(topic, { timeoutMs: PROBE_MS })
  throw new MeshError('unavailable', `subscribe ${topic}: no gateway answered within ${withinMs / 1_000} s`)
}

async function acknowledge(delivery: Delivery, context: Context): Promise<void> {
  try {
    await delivery.ack()
  } catch (error) {
    if (context.signal.aborted) return
    await context.stderr.write(`landbridge: ${messageOf(error)} (event #${delivery.sequence} may be delivered again)\n`)
  }
}
