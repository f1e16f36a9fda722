import { MeshError, type MeshErrorCode } from '@landbridge/core'
import { CommandFailure } from './command-failure.ts'
import { printable } from './printable.ts'

const HINTS: ReadonlyMap<MeshErrorCode, string> = new Map([
  [
    'unauthenticated',
    'give a token with --token-file or LANDBRIDGE_TOKEN_FILE; `landbridge token inspect` says what the present one is worth',
  ],
  [
    'permission_denied',
    'an AccessPolicy of the tenant must allow it, or for admin commands the gateway must count you as an administrator; ' +
      '`landbridge token inspect` shows who you are',
  ],
  [
    'unavailable',
    'check the addresses (--endpoints, LANDBRIDGE_ENDPOINTS) and the authority (--tls-ca, LANDBRIDGE_CA), then try again',
  ],
  ['deadline_exceeded', 'try again, or give it longer with --timeout'],
  ['not_found', '`landbridge topics` lists what you may see'],
])

/** What to print on stderr about an error: one line that says what happened, and one that says what to do. */
export function explain(error: unknown): readonly string[] {
  const hint = hintOf(error)
  return [
    `landbridge: ${printable(messageOf(error), { lines: true })}`,
    ...(hint === undefined ? [] : [`hint: ${hint}`]),
  ]
}

function hintOf(error: unknown): string | undefined {
  if (error instanceof CommandFailure) return error.hint
  return error instanceof MeshError ? HINTS.get(error.code) : undefined
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // A fault of this program: its stack is what a report of it needs.
  const expected = error instanceof CommandFailure || error instanceof MeshError || 'syscall' in error
  return expected ? error.message : (error.stack ?? error.message)
}
