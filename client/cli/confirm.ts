import { createInterface } from 'node:readline/promises'
import { usageFailure, workFailure } from './command-failure.ts'
import type { Context } from './context.ts'

/** What a person is to agree to. */
export type Confirmation = {
  /** The command, as errors name it: "delete topic". */
  readonly what: string
  /** What must be typed. */
  readonly name: string
  /** What will happen, a line each. */
  readonly lines: readonly string[]
  /** "Delete acme/orders?" */
  readonly question: string
}

/** Asks on the terminal. @throws CommandFailure when there is none, or the name is not typed */
export async function confirm({ what, name, lines, question }: Confirmation, context: Context): Promise<void> {
  const { stdin, stderr, signal } = context
  if (stdin.isTTY !== true) {
    throw usageFailure(
      `${what}: nobody can be asked whether to go on with ${name}, wanted --yes`,
      'see --dry-run first',
    )
  }
  for (const line of lines) await stderr.write(`${line}\n`)
  await stderr.write(`${question} Type its name: `)
  const input = createInterface({ input: stdin, signal, terminal: false })
  const answer = await new Promise<string>((resolve) => {
    input.once('line', resolve)
    input.once('close', () => resolve(''))
  })
  input.close()
  signal.throwIfAborted()
  if (answer.trim() !== name) throw workFailure(`${what}: ${name} was not typed, so nothing is done`)
}
