import { open, readFile } from 'node:fs/promises'
import { usageFailure } from './command-failure.ts'
import type { Context } from './context.ts'

/** Most that is read of one file or of standard input, bytes. */
export const INPUT_BYTES_MAX = 64 * 1024 * 1024

/** All bytes of a file, or of standard input for "-". `what` names it in errors. @throws CommandFailure 'usage'. */
export async function readInput(file: string, what: string, context: Context): Promise<Buffer> {
  return file === '-' ? readStdin(what, context) : readLocal(file, what, context.signal)
}

/** All text of a file, or of standard input for "-". */
export async function readText(file: string, what: string, context: Context): Promise<string> {
  return (await readInput(file, what, context)).toString('utf8')
}

/** A file in chunks, or standard input for "-". `what` names it in errors. @throws CommandFailure 'usage'. */
export async function* readChunks(file: string, what: string, context: Context): AsyncGenerator<Buffer> {
  if (file === '-') {
    await remarkOnTerminal(what, context)
    return yield* untilStop(context)
  }
  const handle = await open(file).catch((cause: unknown) => {
    throw unreadable(what, cause)
  })
  yield* untilStop({ stdin: handle.createReadStream(), signal: context.signal })
}

async function readLocal(file: string, what: string, signal: AbortSignal): Promise<Buffer> {
  try {
    return await readFile(file, { signal })
  } catch (cause) {
    signal.throwIfAborted()
    throw unreadable(what, cause)
  }
}

async function readStdin(what: string, context: Context): Promise<Buffer> {
  await remarkOnTerminal(what, context)
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of untilStop(context)) {
    size += chunk.length
    if (size > INPUT_BYTES_MAX) {
      throw usageFailure(`${what}: standard input is longer than ${INPUT_BYTES_MAX} bytes, wanted less`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Standard input in chunks; throws when the command is told to stop. */
export async function* untilStop({ stdin, signal }: Pick<Context, 'stdin' | 'signal'>): AsyncGenerator<Buffer> {
  signal.throwIfAborted()
  // A read that waits for the terminal only ends when its stream does.
  const end = () => stdin.destroy()
  signal.addEventListener('abort', end, { once: true })
  try {
    for await (const chunk of stdin) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
  } finally {
    signal.removeEventListener('abort', end)
    signal.throwIfAborted()
  }
}

/** Without it a command that waits for input looks as if it hung. */
async function remarkOnTerminal(what: string, { stdin, stderr }: Context): Promise<void> {
  if (stdin.isTTY === true) await stderr.write(`${what}: reading from the terminal; Ctrl-D ends it\n`)
}

function unreadable(what: string, cause: unknown): Error {
  return usageFailure(`${what}: cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`)
}
