import { MeshError } from '@landbridge/core'
import {
  type CryptoKey,
  createRemoteJWKSet,
  errors,
  type FlattenedJWSInput,
  type JWSHeaderParameters,
  type RemoteJWKSet,
} from 'jose'
import type { Log } from '../telemetry/index.ts'

/** An unknown key id may cause one fetch in this time: nobody can make us hammer the issuer. */
const COOLDOWN_MS = 5000
/** After a fetch that failed, the next is tried no sooner. */
const FAILURE_PAUSE_MS = 500
const FETCH_TIMEOUT_MS = 5000

/**
 * The issuer's public keys. Guarantees:
 * 1. A key id that is not known is looked for at the issuer, at most once in 5 s: rotation needs no restart.
 * 2. The set is fetched anew at the interval of the configuration: a key that was withdrawn counts no longer than that.
 * 3. While the issuer cannot be reached, the last keys stay in use: an outage of the issuer does not stop the mesh.
 */
export class KeySet {
  readonly #jwks: RemoteJWKSet
  readonly #log: Log
  readonly #timer: NodeJS.Timeout
  #failedAtMs = Number.NEGATIVE_INFINITY

  /** @param refreshMs How often the set is fetched anew. */
  constructor(url: URL, refreshMs: number, log: Log) {
    this.#jwks = createRemoteJWKSet(url, {
      timeoutDuration: FETCH_TIMEOUT_MS,
      cooldownDuration: COOLDOWN_MS,
      cacheMaxAge: Number.POSITIVE_INFINITY,
    })
    this.#log = log
    this.#timer = setInterval(() => void this.warm(), refreshMs)
    this.#timer.unref()
  }

  /** The key that a token's header names. @throws MeshError 'unavailable' when the issuer must be asked and cannot be. */
  async resolve(header: JWSHeaderParameters, input: FlattenedJWSInput): Promise<CryptoKey> {
    if (this.#jwks.jwks() === undefined && performance.now() - this.#failedAtMs < FAILURE_PAUSE_MS) throw unavailable()
    try {
      return await this.#jwks(header, input)
    } catch (cause) {
      if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys) throw cause
      if (cause instanceof errors.JOSENotSupported) throw cause
      this.#failedAtMs = performance.now()
      this.#log.warn({ err: cause }, "the issuer's keys cannot be fetched")
      throw unavailable(cause)
    }
  }

  /** Fetches the keys now; never throws. */
  async warm(): Promise<void> {
    try {
      await this.#jwks.reload()
    } catch (err) {
      this.#log.warn({ err }, "the issuer's keys cannot be fetched, the last ones stay in use")
    }
  }

  /** Stops the regular fetch. */
  close(): void {
    clearInterval(this.#timer)
  }
}

function unavailable(cause?: unknown): MeshError {
  return new MeshError('unavailable', "verify token: the issuer's keys cannot be fetched, try again", {
    cause,
    retryAfterMs: 1000,
  })
}
