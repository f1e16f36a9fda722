import { sleep } from 'k6'
import { Client, StatusOK } from 'k6/net/grpc'
import type { PublishSettings, RegionEndpoint } from '../settings.ts'

const METHOD = 'landbridge.v1.EventService/Publish'
const DIAL_LIMIT = '1s'
const CALL_LIMIT = '2s'
/** Longer than any failover may take; shorter than a topic's duplicate window, so that only attempts elsewhere need to say so. */
const GIVE_UP_MS = 15_000
/** How long a client that had to leave its home stays away. */
const FAILBACK_MS = 3_000
/** Once every region was tried in vain. */
const PAUSE_SECONDS = 0.05
/** gRPC codes after which another attempt makes sense: CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE. */
const RETRIED: readonly number[] = [1, 2, 4, 8, 10, 13, 14]

/** A CloudEvent in Protobuf's JSON form. */
export type DrillEvent = {
  readonly id: string
  readonly source: string
  readonly specVersion: '1.0'
  readonly type: string
  readonly attributes: Readonly<Record<string, { readonly ceString: string }>>
  readonly textData: string
}

/** What became of an event. */
export type Outcome =
  | { readonly kind: 'acknowledged'; readonly region: string; readonly attempts: number }
  | { readonly kind: 'unacknowledged'; readonly reason: string; readonly attempts: number }

type Attempt =
  | { readonly kind: 'stored'; readonly region: string }
  | { readonly kind: 'again'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * A client without the SDK that does by hand what the SDK does: one connection, its home region first; when an attempt fails it goes to the next
 * region at once, with the same id, and says that it tries again and since when. Lives in one VU.
 */
export class Session {
  readonly #settings: PublishSettings
  /** Home first. */
  readonly #endpoints: readonly RegionEndpoint[]
  readonly #client = new Client()
  #at = 0
  #connected = false
  #leftHomeMs = 0

  /** In the init context only: k6 reads files nowhere else. `home` counts from 0. */
  constructor(settings: PublishSettings, home: number) {
    this.#settings = settings
    const { endpoints } = settings
    this.#endpoints = endpoints.map((_, index) => endpoints[(home + index) % endpoints.length]).filter(isThere)
    this.#client.load([settings.protoFolder], 'landbridge/v1/event_service.proto')
  }

  get home(): string {
    return this.#endpoints[0]?.region ?? ''
  }

  /** Publishes until the event is stored, refused for good, or 15 s are over. */
  publish(event: DrillEvent): Outcome {
    const startMs = Date.now()
    let first: { readonly region: string; readonly timeMs: number } | undefined
    let elsewhere = false
    let attempts = 0
    let reason = 'nothing was tried'
    for (let turn = 1; Date.now() - startMs < GIVE_UP_MS; turn++) {
      const region = this.#connect()
      if (region !== undefined) {
        attempts++
        const now = Date.now()
        elsewhere ||= first !== undefined && first.region !== region
        const retry = first && { age: `${((now - first.timeMs) / 1_000).toFixed(3)}s`, region: first.region, elsewhere }
        first ??= { region, timeMs: now }
        const attempt = this.#attempt(event, retry, now)
        if (attempt.kind === 'stored') return { kind: 'acknowledged', region: attempt.region, attempts }
        reason = `${region}: ${attempt.reason}`
        if (attempt.kind === 'refused') return { kind: 'unacknowledged', reason, attempts }
      } else reason = `${this.#endpoints[this.#at]?.region}: no connection`
      this.#moveOn()
      if (turn % this.#endpoints.length === 0) sleep(PAUSE_SECONDS)
    }
    return { kind: 'unacknowledged', reason, attempts }
  }

  #attempt(event: DrillEvent, retry: object | undefined, now: number): Attempt {
    const { topic, token } = this.#settings
    const request = { topic, events: [event], sentTime: new Date(now).toISOString(), ...(retry && { retry }) }
    const response = this.#client.invoke(METHOD, request, {
      metadata: { authorization: `Bearer ${token}` },
      timeout: CALL_LIMIT,
    })
    if (response.status !== StatusOK) {
      // `response.status` is no number when the script runs, whatever its type says.
      const { code, message } = response.error as { readonly code: number; readonly message: string }
      return { kind: RETRIED.includes(code) ? 'again' : 'refused', reason: `${code}: ${message}` }
    }
    const result = (response.message as PublishMessage).results[0]
    if (result?.receipt) return { kind: 'stored', region: result.receipt.region }
    const code = result?.error?.code ?? 2
    return { kind: RETRIED.includes(code) ? 'again' : 'refused', reason: `${code}: ${result?.error?.message}` }
  }

  /** The region of the connection; undefined when there is none to be had there now. */
  #connect(): string | undefined {
    if (this.#connected && this.#at !== 0 && Date.now() - this.#leftHomeMs > FAILBACK_MS) this.#goTo(0)
    const endpoint = this.#endpoints[this.#at]
    if (endpoint === undefined) return undefined
    if (this.#connected) return endpoint.region
    const { ca, cert, key } = credentials(this.#settings)
    try {
      this.#client.connect(endpoint.address, { timeout: DIAL_LIMIT, tls: { cacerts: ca, cert, key } })
      this.#connected = true
      return endpoint.region
    } catch {
      return undefined
    }
  }

  #moveOn(): void {
    if (this.#at === 0) this.#leftHomeMs = Date.now()
    this.#goTo((this.#at + 1) % this.#endpoints.length)
  }

  #goTo(index: number): void {
    if (this.#connected) this.#client.close()
    this.#connected = false
    this.#at = index
  }
}

type PublishMessage = {
  readonly results: readonly {
    readonly receipt?: { readonly region: string }
    readonly error?: { readonly code: number; readonly message: string }
  }[]
}

let files: { readonly ca: string; readonly cert: string; readonly key: string } | undefined

/** Read once in each VU; the first call must be in the init context. */
export function credentials({ caFile, certFile, keyFile }: PublishSettings): typeof files & object {
  files ??= { ca: open(caFile), cert: open(certFile), key: open(keyFile) }
  return files
}

function isThere<Value>(value: Value | undefined): value is Value {
  return value !== undefined
}
