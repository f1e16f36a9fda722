import type { experimental } from '@grpc/grpc-js'
import type { Log } from '../telemetry/index.ts'
import {
  type CertificateFiles,
  type CertificateMaterial,
  checkCertificates,
  readCertificateFiles,
} from './certificate-files.ts'

type CaListener = Parameters<experimental.CertificateProvider['addCaCertificateListener']>[0]
type IdentityListener = Parameters<experimental.CertificateProvider['addIdentityCertificateListener']>[0]

/** What a certificate source needs. */
export type CertificateSourceOptions = {
  readonly files: CertificateFiles
  /** How often the files are read. */
  readonly reloadMs: number
  readonly log: Log
  /** Called once for each content that was not taken. */
  readonly onProblem?: () => void
  /** Clock, ms since 1970. */
  readonly now?: () => number
}

/**
 * Our certificate, key and CA, kept up to date from files, for the gRPC server and for channels to peers. Guarantees:
 * 1. `current` and everything published is a checked, matching set. A set that does not parse, does not match or is
 *    expired is not taken: it is logged once, the last good one stays, and the files are read again.
 * 2. A new set is used by new connections; connections that stand are not touched.
 *
 * grpc-js's own FileWatcherCertificateProvider refuses every new connection after one bad read, which every rotation
 * that is not atomic causes; hence this one.
 */
export class CertificateSource implements experimental.CertificateProvider, AsyncDisposable {
  readonly #options: CertificateSourceOptions
  readonly #caListeners = new Set<CaListener>()
  readonly #identityListeners = new Set<IdentityListener>()
  readonly #listeners = new Set<(material: CertificateMaterial) => void>()
  #current: CertificateMaterial
  #rejectedDigest: string | undefined
  #timer: NodeJS.Timeout | undefined
  #reading: Promise<boolean> | undefined
  #closed = false

  private constructor(options: CertificateSourceOptions, first: CertificateMaterial) {
    this.#options = options
    this.#current = first
    this.#schedule()
  }

  /** Reads and checks the files. @throws MeshError 'failed_precondition' that says what is wrong with which file. */
  static async open(options: CertificateSourceOptions): Promise<CertificateSource> {
    const bytes = await readCertificateFiles(options.files)
    return new CertificateSource(options, checkCertificates(bytes, options.files, (options.now ?? Date.now)()))
  }

  /** The set in use. */
  get current(): CertificateMaterial {
    return this.#current
  }

  /** Calls the listener after each change; returns a function that ends it. */
  onChange(listener: (material: CertificateMaterial) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Reads the files now; true when a new set was taken. Never throws. */
  reload(): Promise<boolean> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  /** For grpc-js: told in a moment, and after each change. */
  addCaCertificateListener(listener: CaListener): void {
    this.#caListeners.add(listener)
    // Not at once: a grpc-js server registers its own watcher only after it has registered here.
    queueMicrotask(() => {
      if (this.#caListeners.has(listener)) listener({ caCertificate: this.#current.ca })
    })
  }

  /** For grpc-js. */
  removeCaCertificateListener(listener: CaListener): void {
    this.#caListeners.delete(listener)
  }

  /** For grpc-js: told in a moment, and after each change. */
  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.add(listener)
    queueMicrotask(() => {
      if (this.#identityListeners.has(listener)) listener(identityOf(this.#current))
    })
  }

  /** For grpc-js. */
  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.delete(listener)
  }

  /** Stops reading. The last set stays in use. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#reading
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #schedule(): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.reload().then(() => this.#schedule()), this.#options.reloadMs)
    this.#timer.unref()
  }

  async #read(): Promise<boolean> {
    const { files, log, onProblem, now = Date.now } = this.#options
    let digest = 'unreadable'
    try {
      const bytes = await readCertificateFiles(files)
      digest = bytes.digest
      if (digest === this.#current.digest || this.#closed) return false
      this.#publish(checkCertificates(bytes, files, now()))
      return true
    } catch (err) {
      // Once for each content: a broken file stays broken for many reads.
      if (this.#rejectedDigest !== digest) {
        this.#rejectedDigest = digest
        onProblem?.()
        log.warn({ err }, 'new certificate files not taken, the last good ones stay in use')
      }
      return false
    }
  }

  #publish(material: CertificateMaterial): void {
    this.#current = material
    this.#rejectedDigest = undefined
    for (const listener of this.#caListeners) listener({ caCertificate: material.ca })
    for (const listener of this.#identityListeners) listener(identityOf(material))
    for (const listener of this.#listeners) listener(material)
    this.#options.log.info({ subject: material.leaf.subject, validTo: material.leaf.validTo }, 'certificates reloaded')
  }
}

function identityOf({ certificate, privateKey }: CertificateMaterial): experimental.IdentityCertificateUpdate {
  return { certificate, privateKey }
}
