import { MeshError, type MeshErrorCode } from '@landbridge/core'
import { CommanderError } from 'commander'
import { CommandFailure } from './command-failure.ts'

/** How `landbridge` ends. Scripts rely on these numbers. */
export const EXIT = {
  /** Everything that was asked for is done. */
  done: 0,
  /** The mesh or a file refused, or part of the work failed. */
  failed: 1,
  /** `landbridge diff`: applying would change something. */
  different: 1,
  /** The command line, a setting or a document is wrong; nothing was done. */
  usage: 2,
  /** Not authenticated, or not allowed. */
  refused: 3,
  /** No gateway could be reached, or the time ran out. Trying again may help. */
  unavailable: 4,
  /** Ctrl-C or SIGTERM. */
  interrupted: 130,
} as const

/** One of `EXIT`. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

const EXIT_OF_CODE: ReadonlyMap<MeshErrorCode, ExitCode> = new Map([
  ['unauthenticated', EXIT.refused],
  ['permission_denied', EXIT.refused],
  ['unavailable', EXIT.unavailable],
  ['deadline_exceeded', EXIT.unavailable],
])

/** For `--help`. */
export const EXIT_HELP = `Exit codes:
  0    done
  1    failed, wholly or in part; of diff: there are differences
  2    wrong command line, setting or document; nothing was done
  3    not authenticated or not allowed
  4    no gateway answers, or the time ran out: trying again may help
  130  interrupted`

/** The exit code of anything that a command threw. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandFailure) return error.exitCode
  if (error instanceof MeshError) return EXIT_OF_CODE.get(error.code) ?? EXIT.failed
  // Commander ends help and --version by an error whose code is 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
  return EXIT.failed
}
