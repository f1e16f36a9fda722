import { CommanderError } from 'commander'
import { type Context, STOP } from './context.ts'
import { EXIT, type ExitCode, exitCodeOf } from './exit-code.ts'
import { explain } from './explain.ts'
import { createProgram } from './program.ts'

/** Runs one command line (without program name) and says how the process shall end. Never throws. */
export async function run(words: readonly string[], context: Context): Promise<ExitCode> {
  try {
    await createProgram(context).parseAsync(words, { from: 'user' })
    return stopCode(context) ?? EXIT.done
  } catch (error) {
    // A command that was told to stop fails in its own way; that is no news.
    const stopped = stopCode(context)
    if (stopped !== undefined) return stopped
    // Commander has written its own message.
    if (!(error instanceof CommanderError)) {
      await context.stderr.write(`${explain(error).join('\n')}\n`)
    }
    return exitCodeOf(error)
  }
}

function stopCode({ signal }: Context): ExitCode | undefined {
  if (!signal.aborted) return undefined
  return signal.reason === STOP.interrupted ? EXIT.interrupted : EXIT.done
}
