import { formatSign, GATEWAYS_BUCKET, MeshError, ownerOf, PresenceView } from '@landbridge/core'
import { KeyValue, type NatsSession, OPERATION_HEADER, type StoredMessage, StreamReader } from '@landbridge/nats'
import type { Log } from '../../telemetry/index.ts'
import type { Share } from './share.ts'

/** What presence needs. */
export type PresenceOptions = {
  readonly session: NatsSession
  readonly replicas: number
  /** Name of this gateway, unique in its region. */
  readonly gateway: string
  readonly log: Log
}

/** A killed gateway's work is elsewhere within 5 s: a second until the next sign is missed, three until it is gone. */
const TIMES = { beatMs: 1_000, expiryMs: 2_900, holdUpMs: 2_000 } as const
/** A changed revision is told at once, but signs come no closer than this: a thousand changes make a few signs. */
const SIGN_INTERVAL_MS = 250
/** Without any sign of its own the gateway takes all work: fences keep that harmless, and nobody else may be there. */
const BLIND_MS = 5_000
/** What is left of a gateway that was killed and never came back is removed. */
const FORGET_MS = 60_000
const REOPEN_MS = 1_000
const PLAIN_NAME = /^[A-Za-z0-9_-]{1,128}$/

/**
 * Which gateways of a region are there, by signs of life in a key-value bucket, and which work is whose. A planned stop
 * takes the sign away; a gateway that was killed is noticed when its sign no longer changes, by the clock of the reader
 * alone.
 */
export class Presence implements Share, AsyncDisposable {
  readonly #options: PresenceOptions
  readonly #values: KeyValue
  readonly #self: string
  readonly #view: PresenceView
  readonly #listeners = new Set<() => void>()
  readonly #openedAt = performance.now()
  readonly #timer: NodeJS.Timeout
  /** Signs that came before our own came back: when each was stored, ns since 1970 by the server. */
  readonly #early = new Map<string, bigint>()
  #reader: StreamReader | undefined
  #reopening: NodeJS.Timeout | undefined
  #beating: Promise<void> | undefined
  #revision = 0
  #signedAt = Number.NEGATIVE_INFINITY
  #signing: NodeJS.Timeout | undefined
  #gateways: readonly string[] = []
  #leaving: Promise<void> | undefined

  private constructor(options: PresenceOptions, values: KeyValue) {
    this.#options = options
    this.#values = values
    this.#self = keyOf(options.gateway)
    this.#view = new PresenceView(this.#self, TIMES)
    this.#timer = setInterval(() => this.#tick(), TIMES.beatMs)
    this.#read()
    this.#tick()
  }

  /** Begins to give signs and to read those of others. @throws MeshError when the bucket cannot be made */
  static async open(options: PresenceOptions): Promise<Presence> {
    return new Presence(options, await KeyValue.open(options.session, GATEWAYS_BUCKET, options.replicas))
  }

  /** Keys of the gateways that are there, this one included; empty while that is not known. */
  get gateways(): readonly string[] {
    return this.#gateways
  }

  /** Tells, with this gateway's signs, which revision of the configuration it runs. */
  runs(revision: number): void {
    if (revision === this.#revision || this.#leaving !== undefined) return
    this.#revision = revision
    const waitMs = Math.max(0, this.#signedAt + SIGN_INTERVAL_MS - performance.now())
    this.#signing ??= setTimeout(() => {
      this.#signing = undefined
      // A sign that is under way may not hold it yet.
      void Promise.resolve(this.#beating).then(() => this.#tick())
    }, waitMs)
  }

  owns(work: string): boolean {
    return this.#gateways.length > 0 && ownerOf(work, this.#gateways) === this.#self
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes the sign away: the others take over at once. Joins a leave in progress. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave()
  }

  async #leave(): Promise<void> {
    clearInterval(this.#timer)
    clearTimeout(this.#signing)
    clearTimeout(this.#reopening)
    await this.#reader?.close()
    await this.#beating
    if (!this.#options.session.connected) return
    await this.#values.delete(this.#self).catch((err: unknown) => {
      this.#options.log.debug({ err }, 'taking the sign of this gateway away failed; it expires')
    })
  }

  #tick(): void {
    const { session } = this.#options
    if (session.connected && this.#leaving === undefined) this.#beating ??= this.#beat()
    const blind = !this.#view.ready && performance.now() - this.#openedAt >= BLIND_MS
    if (blind && this.#gateways.length === 0) this.#setGateways([this.#self])
  }

  async #beat(): Promise<void> {
    const { log, gateway } = this.#options
    this.#signedAt = performance.now()
    try {
      await this.#values.put(this.#self, formatSign({ gateway, revision: this.#revision }))
      for (const key of this.#view.silentFor(FORGET_MS)) {
        this.#view.left(key)
        await this.#values.delete(key)
      }
    } catch (err) {
      log.debug({ err }, 'a sign of life could not be given; the next one follows')
    } finally {
      this.#beating = undefined
    }
  }

  #read(): void {
    const { session, log } = this.#options
    this.#reader = new StreamReader({
      session,
      stream: this.#values.stream,
      filters: [],
      start: 'all',
      onMessage: (message) => this.#take(message),
      onEnd: (error) => this.#reopen(error),
      log,
    })
  }

  /** The bucket was deleted, or made anew. */
  #reopen(error: MeshError | undefined): void {
    if (this.#leaving !== undefined) return
    this.#options.log.warn({ err: error }, 'the signs of gateways cannot be read; beginning again')
    this.#reopening = setTimeout(() => {
      this.#values
        .ensure(this.#options.replicas)
        .then(() => this.#leaving ?? this.#read())
        .catch((thrown: unknown) => this.#reopen(MeshError.from(thrown)))
    }, REOPEN_MS)
  }

  #take(message: StoredMessage): void {
    const key = this.#values.key(message.subject)
    const now = performance.now()
    if (message.header(OPERATION_HEADER) !== undefined) this.#view.left(key)
    else if (this.#view.ready || key === this.#self) this.#view.saw(key, now)
    else this.#early.set(key, message.stampNs)
    if (!this.#view.ready) return
    // What was there when we came may be what killed gateways left: it is as old as the server says.
    for (const [early, stampNs] of this.#early) {
      this.#view.saw(early, now - Math.max(0, Number((message.stampNs - stampNs) / 1_000_000n)))
    }
    this.#early.clear()
    this.#setGateways(this.#view.alive)
  }

  #setGateways(gateways: readonly string[]): void {
    if (gateways.join() === this.#gateways.join()) return
    this.#options.log.info({ gateways, before: this.#gateways }, 'gateways of this region changed')
    this.#gateways = gateways
    for (const listener of [...this.#listeners]) listener()
  }
}

/** A name that every NATS client can show, or else an encoded one. */
function keyOf(gateway: string): string {
  return PLAIN_NAME.test(gateway) ? gateway : `encoded.${Buffer.from(gateway).toString('base64url')}`
}
