import { randomUUID } from 'node:crypto'
import type { EventInput, Mesh } from '../../index.ts'
import { CommandFailure, workFailure } from '../command-failure.ts'
import type { Context } from '../context.ts'
import { type EventDefaults, eventOfLine } from '../event/event-input.ts'
import { exitCodeOf } from '../exit-code.ts'
import type { Printer } from '../printer.ts'
import { lineBatches, type NumberedLine } from './line-batches.ts'
import { publishAll } from './publish-all.ts'
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
    const outcomes =
      events.length === 0 ? [] : await publishAll(publisher.mesh, publisher.topic, events, publisher.context.signal)
    for (const [index, outcome] of outcomes.entries()) {
      await reportOutcome(events[index]?.id ?? '', outcome, publisher.printer, publisher.context)
    }
    const failed = outcomes.find((outcome) => outcome.error !== undefined)
    published += outcomes.filter((outcome) => outcome.receipt !== undefined).length
    if (failed?.error !== undefined) {
      const summary = `publish: stopped after ${published} events, the next was not acknowledged: ${failed.error.message}`
      throw new CommandFailure(exitCodeOf(failed.error), summary, { cause: failed.error })
    }
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

function withCount(problem: Error, published: number): Error {
  return workFailure(`${problem.message}; published before it: ${published}`, problem)
}
