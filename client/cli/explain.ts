import { MeshError, type MeshErrorCode } from '@landbridge/core'
import { isUnreached, isUntrusted } from '../failure-text.ts'
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

const CERTIFICATE_HINT =
  "the gateway's certificate is not trusted: name its authority with --tls-ca or LANDBRIDGE_CA; " +
  '`landbridge certs inspect` shows what a certificate says'

/** What to print on stderr about an error: one line that says what happened, and one that says what to do. */
export function explain(error: unknown): readonly string[] {
  const hint = hintOf(error)
  return [`landbridge: ${messageOf(error)}`, ...(hint === undefined ? [] : [`hint: ${hint}`])]
}

/** What to do about an error; undefined when nothing is known to help. */
export function hintOf(error: unknown): string | undefined {
  if (error instanceof CommandFailure) return error.hint
  if (!(error instanceof MeshError)) return undefined
  // Time that ran out because nothing could be reached is no matter of time.
  const code = isUnreached(error.message) ? 'unavailable' : error.code
  return isUntrusted(error.message) ? CERTIFICATE_HINT : HINTS.get(code)
}

/** What happened, safe for a terminal. The stack only of errors that are faults of this program. */
export function messageOf(error: unknown): string {
  return printable(textOf(error), { lines: true })
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const expected = error instanceof CommandFailure || error instanceof MeshError || 'syscall' in error
  return expected ? error.message : (error.stack ?? error.message)
}
