/** A refusal of the API server, or the lack of an answer (status 0). */
export class KubeError extends Error {
  override readonly name = 'KubeError'
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  /** `reason` of the answer's Status, such as "Conflict" or "Expired"; empty when there is none. */
  readonly reason: string
  /** How long the server asks to wait, in ms; undefined when it does not. */
  readonly retryAfterMs: number | undefined

  constructor(
    message: string,
    parts: { status: number; reason?: string; retryAfterMs?: number | undefined; cause?: unknown },
  ) {
    super(message, { cause: parts.cause })
    this.status = parts.status
    this.reason = parts.reason ?? ''
    this.retryAfterMs = parts.retryAfterMs
  }

  get isNotFound(): boolean {
    return this.status === 404
  }

  /** Somebody changed the object in between, or another field manager owns a field. */
  get isConflict(): boolean {
    return this.status === 409
  }

  /** The resourceVersion is too old: list again. */
  get isGone(): boolean {
    return this.status === 410 || this.reason === 'Expired'
  }

  /** Whether the same request may succeed later without anybody changing anything. */
  get isTransient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

/** What an answer that is no success says. */
export function errorOfAnswer(action: string, status: number, body: string, retryAfter: string | null): KubeError {
  const { message, reason, details } = parseStatus(body)
  const seconds = Number(retryAfter ?? details?.retryAfterSeconds ?? Number.NaN)
  return new KubeError(`${action}: ${message === '' ? `the API server answered ${status}` : message}`, {
    status,
    reason,
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined,
  })
}

type StatusBody = {
  readonly message: string
  readonly reason: string
  readonly details: { readonly retryAfterSeconds?: unknown } | undefined
}

/** Reads a `meta/v1 Status`, or as much of it as there is. */
function parseStatus(body: string): StatusBody {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed !== 'object' || parsed === null) return { message: '', reason: '', details: undefined }
    const { message, reason, details } = parsed as Record<string, unknown>
    return {
      message: typeof message === 'string' ? message : '',
      reason: typeof reason === 'string' ? reason : '',
      details: typeof details === 'object' && details !== null ? details : undefined,
    }
  } catch {
    return { message: '', reason: '', details: undefined }
  }
}
