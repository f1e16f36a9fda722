import { MeshError, orAborted } from '@landbridge/core'

/** Gives the bearer token for the next call. `refresh` is true after the gateway refused the last one. */
export type TokenProvider = (request: { readonly refresh: boolean }) => string | Promise<string>

/** A token this close to its end is not used again, milliseconds: clocks differ and calls take time. */
const EXPIRY_MARGIN_MS = 30_000
/** A provider that takes longer is given up, so that it cannot hold up a stream for ever. */
const PROVIDER_MS_MAX = 10_000

/**
 * The connection's bearer token.
 *
 * 1. A provider's JWT is kept until 30 s before its `exp`; anything else is asked for at every call.
 * 2. Calls that wait for the provider share one question.
 */
export class TokenSource {
  readonly #token: string | TokenProvider | undefined
  #cached: { readonly token: string; readonly until: number } | undefined
  #asking: Promise<string> | undefined
  #refresh = false

  constructor(token: string | TokenProvider | undefined) {
    this.#token = token
  }

  /** True when a refused token can be replaced by a new one. */
  get refreshable(): boolean {
    return typeof this.#token === 'function'
  }

  /**
   * The token for a call that begins now; undefined without one. Waits for the provider until `signal` aborts, at most
   * 10 s. A provider that fails or does not answer gives `unauthenticated`.
   */
  async get(signal: AbortSignal): Promise<string | undefined> {
    if (typeof this.#token !== 'function') return this.#token
    if (this.#cached !== undefined && this.#cached.until > Date.now()) return this.#cached.token
    this.#asking ??= this.#ask(this.#token).finally(() => {
      this.#asking = undefined
    })
    return await orAborted(this.#asking, signal)
  }

  /** Forgets the token, because a gateway refused it. */
  invalidate(): void {
    this.#cached = undefined
    this.#refresh = true
  }

  async #ask(provider: TokenProvider): Promise<string> {
    const refresh = this.#refresh
    let token: string
    try {
      token = await inTime(provider({ refresh }))
    } catch (cause) {
      throw new MeshError('unauthenticated', `token: the provider failed: ${messageOf(cause)}`, { cause })
    }
    this.#refresh = false
    const expiresAt = expiryOf(token)
    this.#cached = expiresAt === undefined ? undefined : { token, until: expiresAt - EXPIRY_MARGIN_MS }
    return token
  }
}

async function inTime(answer: string | Promise<string>): Promise<string> {
  if (typeof answer === 'string') return answer
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${PROVIDER_MS_MAX} ms`)), PROVIDER_MS_MAX)
  try {
    return await Promise.race([answer, promise])
  } finally {
    clearTimeout(timer)
  }
}

/** `exp` of a JWT in milliseconds since 1970; undefined for any other token. Verifies nothing. */
export function expiryOf(token: string): number | undefined {
  const payload = token.split('.')[1]
  if (payload === undefined) return undefined
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    if (typeof claims !== 'object' || claims === null || !('exp' in claims)) return undefined
    return typeof claims.exp === 'number' ? claims.exp * 1_000 : undefined
  } catch {
    return undefined
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
