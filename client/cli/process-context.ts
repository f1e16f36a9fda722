import { once } from 'node:events'
import type { WriteStream } from 'node:tty'
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

function sinkOf(stream: WriteStream, signal: AbortSignal, closed: () => void): Sink {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    closed()
  })
  return {
    isTerminal: stream.isTTY === true,
    columns: stream.columns,
    write: async (text) => {
      if (stream.destroyed) return
      if (!stream.write(text)) await once(stream, 'drain', { signal })
    },
  }
}
