import { type ServiceError, status } from '@grpc/grpc-js'
import { codeOfGrpcStatus, MeshError, type MeshErrorCode } from '@landbridge/core'
import { failureText } from './failure-text.ts'

/** Codes after which the call may have taken effect although it failed. */
const AMBIGUOUS: ReadonlySet<MeshErrorCode> = new Set([
  'unavailable',
  'deadline_exceeded',
  'cancelled',
  'aborted',
  'internal',
])

/** Codes that say the region refused: the same call would be refused again, so it is not retried there. */
const REFUSALS: ReadonlySet<MeshErrorCode> = new Set([
  'invalid_argument',
  'unauthenticated',
  'permission_denied',
  'not_found',
  'already_exists',
  'failed_precondition',
  'out_of_range',
  'unimplemented',
])

/** Trailing metadata with which a gateway says when to try again, in milliseconds. */
const RETRY_AFTER_KEY = 'retry-after-ms'

/** Trailing metadata with a gateway's clock, milliseconds since 1970. */
const REGION_TIME_KEY = 'landbridge-time-ms'

/**
 * How grpc-js words the failure of a call that never left this process, because no connection was made. Should
 * the wording change, such a failure counts as ambiguous, which costs time and loses nothing.
 */
const NEVER_SENT =
  /^(?:No connection established|Name resolution failed|Channel closed before call started)|Waiting for LB pick/
const SENT_BEFORE = /previous attempts/

/** What became of one event: a receipt or an error. */
export type PublishOutcome<Receipt> =
  | { readonly receipt: Receipt; readonly error?: undefined }
  | { readonly error: MeshError; readonly receipt?: undefined }

/**
 * Some events of a publish were not acknowledged. `code`, `message` and
 * `retryAfterMs` are those of the first that failed; `ambiguous` is true when any
 * of them may have been stored.
 */
export class PublishFailure<Receipt = unknown> extends MeshError {
  /** One outcome an event, in the order of the call. */
  readonly outcomes: readonly PublishOutcome<Receipt>[]

  constructor(outcomes: readonly PublishOutcome<Receipt>[]) {
    const errors = outcomes.flatMap((outcome) => (outcome.error === undefined ? [] : [outcome.error]))
    const first = errors[0] ?? new MeshError('internal', 'publish: failed without an error')
    super(
      first.code,
      `publish: ${errors.length} of ${outcomes.length} events not acknowledged; first: ${first.message}`,
      {
        cause: first,
        ambiguous: errors.some((error) => error.ambiguous),
        retryAfterMs: first.retryAfterMs,
      },
    )
    this.outcomes = outcomes
  }

  override get name(): string {
    return 'PublishFailure'
  }
}

/** True for an error that the same region would give again. */
export function isRefusal(error: MeshError): boolean {
  return REFUSALS.has(error.code)
}

/**
 * The `MeshError` of a failed gRPC call. CANCELLED counts as `unavailable`: this
 * client turns its own cancellations into errors before it asks, so it was the
 * server that ended the call while it shut down.
 */
export function errorOfCall(error: ServiceError, what: string): MeshError {
  const code = error.code === status.CANCELLED ? 'unavailable' : codeOfGrpcStatus(error.code)
  const text = error.details === '' ? code : failureText(error.details)
  return new MeshError(code, text.startsWith(`${what}: `) ? text : `${what}: ${text}`, {
    cause: error,
    ambiguous: AMBIGUOUS.has(code) && !neverSent(error),
    retryAfterMs: retryAfterOf(error),
  })
}

/** True for an error after which trying again, here or in another region, may help. */
export function isRetryable(error: MeshError): boolean {
  if (error.code === 'cancelled') return false
  return !isRefusal(error) || error.retryAfterMs !== undefined
}

/** The same error, with `ambiguous` set when `ambiguous` is. */
export function withAmbiguity(error: MeshError, ambiguous: boolean): MeshError {
  if (!ambiguous || error.ambiguous) return error
  const { code, message, retryAfterMs } = error
  return new MeshError(code, message, { cause: error, ambiguous: true, retryAfterMs })
}

/** What time it was in the region that refused a call, ms since 1970; undefined when it did not say. */
export function regionTimeOf(error: ServiceError): number | undefined {
  return numberOf(error, REGION_TIME_KEY)
}

function neverSent(error: ServiceError): boolean {
  return NEVER_SENT.test(error.details) && !SENT_BEFORE.test(error.details)
}

function retryAfterOf(error: ServiceError): number | undefined {
  return numberOf(error, RETRY_AFTER_KEY)
}

function numberOf(error: ServiceError, key: string): number | undefined {
  const text = error.metadata?.get(key)[0]
  const ms = typeof text === 'string' ? Number(text) : Number.NaN
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined
}
