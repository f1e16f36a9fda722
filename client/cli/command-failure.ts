import type { ExitCode } from './exit-code.ts'

/** A command could not do its work; `message` is for people and names what was wanted. */
export class CommandFailure extends Error {
  /** How the process ends. */
  readonly exitCode: ExitCode
  /** What to do about it; shown below the message. */
  readonly hint: string | undefined

  constructor(exitCode: ExitCode, message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.exitCode = exitCode
    this.hint = options.hint
  }

  override get name(): string {
    return 'CommandFailure'
  }
}

/** The command line or a setting is wrong (exit code 2). */
export function usageFailure(message: string, hint?: string): CommandFailure {
  return new CommandFailure(2, message, hint === undefined ? {} : { hint })
}

/** The work failed, wholly or in part (exit code 1). */
export function workFailure(message: string, cause?: unknown): CommandFailure {
  return new CommandFailure(1, message, cause === undefined ? {} : { cause })
}
