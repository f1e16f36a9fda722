import { Metadata, type StatusObject } from '@grpc/grpc-js'
import { grpcStatusOf, MeshError } from '@landbridge/core'
import type { Log } from '../telemetry/index.ts'

/** Trailing metadata: after how many milliseconds to try again. Present only when trying again may help. */
export const RETRY_AFTER_KEY = 'retry-after-ms'

const DETAILS_LENGTH_MAX = 1000

/**
 * The gRPC status of a failure: the only place where errors become statuses.
 * 1. Total: anything that was thrown has a status; what is not a MeshError leaves as INTERNAL without its text.
 * 2. The cause of an INTERNAL goes to the log, with what was called.
 */
export function statusOf(thrown: unknown, log: Log, path: string): StatusObject {
  const error = shownError(thrown, log, path)
  const metadata = new Metadata()
  if (error.retryAfterMs !== undefined) metadata.set(RETRY_AFTER_KEY, String(Math.ceil(error.retryAfterMs)))
  return { code: grpcStatusOf(error.code), details: error.message, metadata }
}

/** The error as a caller may see it: no text of unknown errors, bounded, and encodable as a header. */
export function shownError(thrown: unknown, log: Log, where: string): MeshError {
  const error = MeshError.from(thrown)
  if (error.code !== 'internal') {
    const text = error.message.toWellFormed().slice(0, DETAILS_LENGTH_MAX).toWellFormed()
    if (text === error.message) return error
    const { ambiguous, retryAfterMs } = error
    return new MeshError(error.code, text, { cause: error, ambiguous, retryAfterMs })
  }
  log.error({ err: error, where }, 'call failed unexpectedly')
  // An own 'internal' error may name what a caller must not see, too: only the fixed text leaves.
  return new MeshError('internal', MeshError.from(undefined).message, { cause: error, ambiguous: error.ambiguous })
}
