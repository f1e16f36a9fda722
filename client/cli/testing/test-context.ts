import { Readable } from 'node:stream'
import type { Context, Sink } from '../context.ts'
import { run } from '../run.ts'

/** What a command line did. */
export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** A context whose output is kept, and which nothing outside can reach. */
export type TestContext = Context & { readonly out: () => string; readonly err: () => string }

/** What a test may set. */
export type TestContextOptions = {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string | readonly string[]
  readonly signal?: AbortSignal
  /** Milliseconds since 1970; default 2026-05-01T12:00:00Z. */
  readonly now?: number
  readonly isTerminal?: boolean
  /** Called after each write to stdout. */
  readonly onOutput?: (text: string) => void
}

/** A moment for tests. */
export const NOON = Date.parse('2026-05-01T12:00:00Z')

/** A context for tests. */
export function testContext(options: TestContextOptions = {}): TestContext {
  const { env = {}, stdin = '', signal = new AbortController().signal, now = NOON, isTerminal = false } = options
  const written: Record<'out' | 'err', string> = { out: '', err: '' }
  const sink = (name: 'out' | 'err'): Sink => ({
    isTerminal,
    columns: undefined,
    write: async (text) => {
      written[name] += text
      if (name === 'out') options.onOutput?.(text)
    },
  })
  return {
    env,
    stdin: Object.assign(Readable.from(typeof stdin === 'string' ? [stdin] : stdin), { isTTY: isTerminal }),
    stdout: sink('out'),
    stderr: sink('err'),
    signal,
    now: () => now,
    out: () => written.out,
    err: () => written.err,
  }
}

/** Runs a command line. */
export async function ran(words: readonly string[], options: TestContextOptions = {}): Promise<Ran> {
  const context = testContext(options)
  const code = await run(words, context)
  return { code, stdout: context.out(), stderr: context.err() }
}
