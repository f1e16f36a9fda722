import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { type Context, type Sink, STOP } from './context.ts'
import { EXIT } from './exit-code.ts'

/** The context of the running process. The first Ctrl-C asks the command to stop, the second one ends the process. */
export function processContext(): Context {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(EXIT.interrupted)
      stop.abort(STOP.interrupted)
    })
  }
  const closed = () => stop.abort(STOP.pipeClosed)
  return {
    env: process.env,
    stdin: process.stdin,
    stdout: sinkOf(process.stdout, stop.signal, closed),
    // Nobody reads the errors: they get lost, and the work goes on.
    stderr: sinkOf(process.stderr, stop.signal, () => {}),
    signal: stop.signal,
    now: Date.now,
  }
}

/** A sink over a stream of the process. `closed` is called when its reader went away. */
export function sinkOf(
  stream: Writable & { readonly isTTY?: boolean; readonly columns?: number },
  signal: AbortSignal,
  closed: () => void,
): Sink {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    closed()
  })
  return {
    isTerminal: stream.isTTY === true,
    columns: stream.columns,
    write: async (text) => {
      if (stream.destroyed) return
      // A stop, or an error that the listener above has seen, ends the wait as well.
      if (!stream.write(text) && !signal.aborted) await once(stream, 'drain', { signal }).catch(() => {})
    },
  }
}
