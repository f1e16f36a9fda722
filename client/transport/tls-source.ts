import type { SecureContext } from 'node:tls'
import {
  isFile,
  readTlsMaterial,
  sameMaterial,
  secureContextOf,
  type TlsMaterial,
  type TlsOptions,
} from './credentials.ts'

/** Files are read again at most so often while all is well, milliseconds. */
const READ_EVERY_MS = 60_000
/** The same before a connection is made anew: what was refused may have been replaced. */
const READ_FOR_DIAL_MS = 1_000

/**
 * Certificates and key for new connections, as their files are now.
 *
 * 1. Who gets the same context as before need not connect anew.
 * 2. Files that cannot be read or are no pair, as halfway through a rotation, change nothing.
 */
export class TlsSource {
  readonly #options: TlsOptions
  readonly #now: () => number
  readonly #rotates: boolean
  #material: TlsMaterial
  #context: SecureContext
  #readAt: number

  /** `now` is a monotonic clock, milliseconds. @throws MeshError 'invalid_argument' for certificates that cannot be used. */
  constructor(options: TlsOptions, now: () => number) {
    this.#options = options
    this.#now = now
    this.#rotates = [options.ca, options.cert, options.key].some(isFile)
    this.#material = readTlsMaterial(options)
    this.#context = secureContextOf(this.#material)
    this.#readAt = now()
  }

  /** Name that every gateway's certificate must carry, unless its endpoint has its own. */
  get serverName(): string | undefined {
    return this.#options.serverName
  }

  /** For a connection that is about to be used, or (`dialling`) to be made anew. */
  current(dialling: boolean): SecureContext {
    const now = this.#now()
    if (!this.#rotates || now - this.#readAt < (dialling ? READ_FOR_DIAL_MS : READ_EVERY_MS)) return this.#context
    this.#readAt = now
    try {
      const material = readTlsMaterial(this.#options)
      if (sameMaterial(material, this.#material)) return this.#context
      this.#context = secureContextOf(material)
      this.#material = material
    } catch {
      // What was read before goes on being used; the next read may find a whole pair.
    }
    return this.#context
  }
}
