/**
 * Every way in which an operation of the mesh can fail, with its gRPC status
 * code number. The set is closed: callers may switch over it exhaustively.
 */
const GRPC_STATUS = {
  cancelled: 1,
  invalid_argument: 3,
  deadline_exceeded: 4,
  not_found: 5,
  already_exists: 6,
  permission_denied: 7,
  resource_exhausted: 8,
  failed_precondition: 9,
  aborted: 10,
  out_of_range: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const

/** The code of a `MeshError`, named after the gRPC status of the same meaning. */
export type MeshErrorCode = keyof typeof GRPC_STATUS

const CODE_OF_STATUS: ReadonlyMap<number, MeshErrorCode> = new Map(
  Object.entries(GRPC_STATUS).map(([code, status]) => [status, code as MeshErrorCode]),
)

/** Options of a `MeshError`. */
export type MeshErrorOptions = {
  /** What led to it; for the log, never sent to a caller. */
  readonly cause?: unknown
  /** True when the operation may have taken effect all the same. Default false. */
  readonly ambiguous?: boolean
  /** When to try again, in milliseconds from now. Default: trying again does not help. */
  readonly retryAfterMs?: number | undefined
}

/**
 * The one error type of Landbridge.
 *
 * 1. `message` is safe to show to the caller and reads "action: what is, what was wanted".
 * 2. `cause` is for the log only.
 * 3. `ambiguous` is false only when the operation certainly had no effect.
 */
export class MeshError extends Error {
  /** What kind of failure it is. */
  readonly code: MeshErrorCode
  /** True when the operation may have taken effect all the same. */
  readonly ambiguous: boolean
  /** When to try again, in milliseconds from now; undefined when trying again would not help. */
  readonly retryAfterMs: number | undefined

  constructor(code: MeshErrorCode, message: string, options: MeshErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.ambiguous = options.ambiguous ?? false
    this.retryAfterMs = options.retryAfterMs
  }

  override get name(): string {
    return 'MeshError'
  }

  /**
   * Turns anything that was thrown into a `MeshError`; never throws itself.
   * A `MeshError` stays as it is, an abort becomes `cancelled`, a timeout
   * `deadline_exceeded`. Everything else becomes `internal` with a fixed text,
   * because the text of an unknown error may hold what a caller must not see.
   */
  static from(cause: unknown): MeshError {
    try {
      if (cause instanceof MeshError) return cause
      if (cause instanceof Error && cause.name === 'AbortError') {
        return new MeshError('cancelled', 'call: was cancelled', { cause })
      }
      if (cause instanceof Error && cause.name === 'TimeoutError') {
        return new MeshError('deadline_exceeded', 'call: ran out of time', { cause })
      }
    } catch {
      // A hostile getter or proxy: nothing can be learnt from it.
    }
    return new MeshError('internal', 'call: failed unexpectedly; the log of the process has the cause', { cause })
  }
}

/** The gRPC status code number of an error code. */
export function grpcStatusOf(code: MeshErrorCode): number {
  return GRPC_STATUS[code]
}

/** The error code of a gRPC status code number; `internal` for OK, UNKNOWN, DATA_LOSS and numbers that do not exist. */
export function codeOfGrpcStatus(status: number): MeshErrorCode {
  return CODE_OF_STATUS.get(status) ?? 'internal'
}
