import type { Readable } from 'node:stream'

/** Where a command writes. */
export type Sink = {
  /** Writes text; resolves when more may be written, or when the command was told to stop. Never rejects. */
  readonly write: (text: string) => Promise<void>
  /** True on a terminal. */
  readonly isTerminal: boolean
  /** Columns of the terminal, when there is one. */
  readonly columns: number | undefined
}

/** Everything outside the process that a command may touch, so that tests can stand in for it. */
export type Context = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Bytes from the pipe or the terminal. */
  readonly stdin: Readable & { readonly isTTY?: boolean }
  /** Results only. */
  readonly stdout: Sink
  /** Errors, hints and remarks. */
  readonly stderr: Sink
  /** Aborts when the command shall stop; the reason is `STOP.interrupted` or `STOP.pipeClosed`. */
  readonly signal: AbortSignal
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Why a command was told to stop. */
export const STOP = {
  /** Ctrl-C or SIGTERM. */
  interrupted: 'interrupted',
  /** Whoever read the output went away, as `head` does. */
  pipeClosed: 'pipe closed',
} as const
