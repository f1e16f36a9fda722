import { MeshError, type MeshErrorCode } from '@landbridge/core'
import { errors } from '@nats-io/transport-node'

/** The `error` object of a JetStream reply. */
export type ServerErrorBody = { readonly code: number; readonly err_code?: number; readonly description?: string }

/** JetStream's numbers for the errors that this package treats on their own. */
export const SERVER_ERROR = {
  consumerNotFound: 10014,
  noMessage: 10037,
  messageTooLarge: 10054,
  streamNameInUse: 10058,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  storeFailed: 10077,
  headersTooLarge: 10097,
  duplicateInProcess: 10158,
  wrongLastSequenceConstant: 10164,
  tooManyRequests: 10167,
  atomicDisabled: 10174,
  atomicIncomplete: 10176,
  atomicTooLarge: 10199,
  atomicDuplicate: 10201,
  atomicTooManyInFlight: 10210,
} as const

/** Every other number maps by its HTTP-like class. */
const CODE_OF: ReadonlyMap<number, MeshErrorCode> = new Map<number, MeshErrorCode>([
  [10002, 'resource_exhausted'],
  [10028, 'resource_exhausted'],
  [10047, 'resource_exhausted'],
  [10023, 'resource_exhausted'],
  [10109, 'failed_precondition'],
  [10060, 'failed_precondition'],
  // What the servers cannot make of a stream's configuration: not enough of them, a bad value, subjects that are taken.
  [10005, 'failed_precondition'],
  [10052, 'failed_precondition'],
  [10065, 'failed_precondition'],
  [10074, 'failed_precondition'],
  [SERVER_ERROR.streamNameInUse, 'already_exists'],
  [SERVER_ERROR.messageTooLarge, 'invalid_argument'],
  [SERVER_ERROR.headersTooLarge, 'invalid_argument'],
  [SERVER_ERROR.wrongLastSequence, 'aborted'],
  [SERVER_ERROR.wrongLastSequenceConstant, 'aborted'],
  [SERVER_ERROR.storeFailed, 'unavailable'],
])

/** A JetStream server's refusal, with the server's own number for decisions inside this package. */
export class ServerError extends MeshError {
  /** JetStream's `err_code`; 0 when the server gave none. */
  readonly number: number

  constructor(action: string, body: ServerErrorBody) {
    const number = body.err_code ?? 0
    const code = CODE_OF.get(number) ?? codeOfClass(body.code)
    super(code, `${action}: NATS answers "${body.description ?? 'no reason'}" (${number})`, {
      // A failed write may have reached the disk before it failed.
      ambiguous: number === SERVER_ERROR.storeFailed || number === SERVER_ERROR.duplicateInProcess,
      retryAfterMs: code === 'unavailable' || code === 'resource_exhausted' ? 250 : undefined,
    })
    this.number = number
  }
}

/** True when `error` is the server's refusal with one of `numbers`. */
export function isServerError(error: unknown, ...numbers: readonly number[]): error is ServerError {
  return error instanceof ServerError && numbers.includes(error.number)
}

/** What a failed request means: no responders is certain, silence and a lost connection are ambiguous. */
export function requestError(action: string, cause: unknown): MeshError {
  if (cause instanceof MeshError) return cause
  if (cause instanceof errors.NoRespondersError || (cause instanceof errors.RequestError && cause.isNoResponders())) {
    return new MeshError('unavailable', `${action}: JetStream does not answer for it at the moment`, {
      cause,
      retryAfterMs: 250,
    })
  }
  if (cause instanceof errors.TimeoutError) {
    return new MeshError('deadline_exceeded', `${action}: no answer from NATS in time`, {
      cause,
      ambiguous: true,
      retryAfterMs: 250,
    })
  }
  return new MeshError('unavailable', `${action}: the connection to NATS was lost`, {
    cause,
    ambiguous: true,
    retryAfterMs: 250,
  })
}

/** Of a number that is not known here: a refusal that nobody foresaw says nothing about what the caller asked for. */
function codeOfClass(status: number): MeshErrorCode {
  if (status === 404) return 'not_found'
  if (status === 409) return 'aborted'
  if (status === 429) return 'resource_exhausted'
  if (status === 503) return 'unavailable'
  return status >= 400 && status < 500 ? 'internal' : 'unavailable'
}
