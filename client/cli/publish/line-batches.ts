import { StringDecoder } from 'node:string_decoder'
import { workFailure } from '../command-failure.ts'

/** One line of text with its number, from 1. */
export type NumberedLine = { readonly number: number; readonly text: string }

/** Longest line, characters: no topic takes larger events than 8 MiB. */
export const LINE_LENGTH_MAX = 12 * 1024 * 1024
const BATCH_LINES_MAX = 200
const BATCH_LENGTH_MAX = 1024 * 1024

/**
 * Lines of a byte stream in batches. What arrived together goes together, so that a slow writer's lines are not kept
 * waiting; at most 200 lines, or about 1 MiB, a batch. Empty lines are left out.
 * @throws CommandFailure 'failed' for a line that is too long.
 */
export async function* lineBatches(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly NumberedLine[]> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let number = 0
  for await (const chunk of chunks) {
    const lines = (rest + decoder.write(chunk)).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_LENGTH_MAX) throw tooLong(number + lines.length + 1)
    yield* batchesOf(lines.map((text) => ({ number: ++number, text })))
  }
  yield* batchesOf([{ number: number + 1, text: rest + decoder.end() }])
}

function* batchesOf(lines: readonly NumberedLine[]): Generator<readonly NumberedLine[]> {
  let batch: NumberedLine[] = []
  let length = 0
  for (const line of lines) {
    if (line.text.length > LINE_LENGTH_MAX) throw tooLong(line.number)
    if (line.text.trim() === '') continue
    if (batch.length === BATCH_LINES_MAX || (batch.length > 0 && length + line.text.length > BATCH_LENGTH_MAX)) {
      yield batch
      batch = []
      length = 0
    }
    batch.push(line)
    length += line.text.length
  }
  if (batch.length > 0) yield batch
}

function tooLong(line: number): Error {
  return workFailure(`line ${line}: is longer than ${LINE_LENGTH_MAX} characters, wanted one event a line`)
}
