import { randomUUID } from 'node:crypto'
import { type EventInput, type Mesh, PublishFailure, type PublishOutcome, type Receipt } from '../../index.ts'
import { CommandFailure, workFailure } from '../command-failure.ts'
import type { Context } from '../context.ts'
import { type EventDefaults, eventOfLine } from '../event/event-input.ts'
import type { Printer } from '../printer.ts'
import { lineBatches, type NumberedLine } from './line-batches.ts'
import { reportOutcome } from './report.ts'

/** Where lines go, and how results are told. */
export type LinePublisher = {
  readonly mesh: Pick<Mesh, 'publish'>
  readonly topic: string
  readonly defaults: EventDefaults
  readonly printer: Printer
  readonly context: Context
}

type Batch = { readonly events: readonly (EventInput & { readonly id: string })[]; readonly problem: Error | undefined }

/**
 * Publishes one event a line, in order. It stops at the first line that cannot be read and at the first event that is
 * not acknowledged, so that what follows never overtakes it; what came before is published.
 */
export async function publishLines(chunks: AsyncIterable<Buffer>, publisher: LinePublisher): Promise<void> {
  let published = 0
  for await (const lines of lineBatches(chunks)) {
    const { events, problem } = readBatch(lines, publisher.defaults)
    const outcomes = events.length === 0 ? [] : await publishBatch(events, publisher)
    for (const [index, outcome] of outcomes.entries()) {
      await reportOutcome(events[index]?.id ?? '', outcome, publisher.printer, publisher.context)
    }
    const failed = outcomes.find((outcome) => outcome.error !== undefined)
    published += outcomes.filter((outcome) => outcome.receipt !== undefined).length
    if (failed?.error !== undefined) throw failed.error
    if (problem !== undefined) throw withCount(problem, published)
  }
}

function readBatch(lines: readonly NumberedLine[], defaults: EventDefaults): Batch {
  const events: (EventInput & { readonly id: string })[] = []
  for (const { number, text } of lines) {
    try {
      const event = eventOfLine(text, defaults, `line ${number}`)
      events.push({ ...event, id: event.id ?? randomUUID() })
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error
      return { events, problem: error }
    }
  }
  return { events, problem: undefined }
}

async function publishBatch(
  events: Batch['events'],
  { mesh, topic, context }: LinePublisher,
): Promise<readonly PublishOutcome<Receipt>[]> {
  try {
    const receipts = await mesh.publish(topic, events, { signal: context.signal })
    return receipts.map((receipt) => ({ receipt }))
  } catch (error) {
    if (isPublishFailure(error)) return error.outcomes
    throw error
  }
}

function isPublishFailure(error: unknown): error is PublishFailure<Receipt> {
  return error instanceof PublishFailure
}

function withCount(problem: Error, published: number): Error {
  return workFailure(`${problem.message}; published before it: ${published}`, problem)
}
