import { readFile } from 'node:fs/promises'
import { MeshError } from '@landbridge/core'
import { connect, credsAuthenticator, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { type Log, silentLog } from './log.ts'
import { isTransportUp } from './outbound.ts'
import { requestError } from './server-error.ts'

/** Options of `NatsSession.connect`. */
export type NatsSessionOptions = {
  /** `host:port` or `nats://` / `tls://` URLs; at least one. */
  readonly servers: readonly string[]
  /** Shown in the server's connection list. */
  readonly name: string
  /** JetStream domain of the region, when the servers have one. */
  readonly domain?: string | undefined
  /** Files are read again at every connect, so they may be replaced under a running process. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string } | undefined
  /** A NATS `.creds` file's path. */
  readonly credentialsFile?: string | undefined
  /** How long connect() keeps trying before it fails, in ms. Default 30,000. */
  readonly connectTimeoutMs?: number
  /** Ends connect() early. */
  readonly signal?: AbortSignal
  readonly log?: Log
}

/** What changed: the connection went away or came back; `epoch` has already grown. */
export type SessionChange = { readonly connected: boolean; readonly epoch: number }

const RECONNECT_DELAY_MIN_MS = 50
const RECONNECT_DELAY_MAX_MS = 3_000
const DIAL_TIMEOUT_MS = 5_000
const PING_INTERVAL_MS = 5_000

/**
 * One connection to a region's NATS servers, kept for as long as the process lives.
 *
 * 1. It reconnects for ever, with backoff and jitter, to any of the servers it knows.
 * 2. `epoch` grows at every disconnect and at every reconnect, before any listener hears of it. Work begun under one
 *    epoch must not be finished under another (RULES.md 6).
 * 3. Nothing is resent after a reconnect: this package writes only while `connected`, and what the library still
 *    holds from before is thrown away by it when it dials.
 */
export class NatsSession implements AsyncDisposable {
  readonly connection: NatsConnection
  readonly domain: string | undefined
  readonly #log: Log
  readonly #listeners = new Set<(change: SessionChange) => void>()
  readonly #attempts: { count: number }
  #epoch = 1
  #connected = true
  #closing: Promise<void> | undefined

  private constructor(connection: NatsConnection, options: NatsSessionOptions, attempts: { count: number }) {
    this.connection = connection
    this.domain = options.domain
    this.#log = options.log ?? silentLog
    this.#attempts = attempts
    void this.#follow()
  }

  /**
   * Connects. Keeps trying until `connectTimeoutMs` is over, then rejects with `unavailable`.
   */
  static async connect(options: NatsSessionOptions): Promise<NatsSession> {
    if (options.servers.length === 0) {
      throw new MeshError('invalid_argument', 'connect to NATS: no server is given, at least one is needed')
    }
    const attempts = { count: 0 }
    const settings = await connectionOptions(options, attempts)
    const deadline = Date.now() + (options.connectTimeoutMs ?? 30_000)
    for (;;) {
      options.signal?.throwIfAborted()
      try {
        return new NatsSession(await connect(settings), options, attempts)
      } catch (cause) {
        const waitMs = reconnectDelay(attempts)
        if (Date.now() + waitMs >= deadline) {
          const message = `connect to NATS: none of ${options.servers.join(', ')} could be reached`
          throw new MeshError('unavailable', message, { cause })
        }
        await waitFor(waitMs, options.signal)
      }
    }
  }

  /** Grows at every disconnect and every reconnect. */
  get epoch(): number {
    return this.#epoch
  }

  /** True while bytes written now can reach a server. */
  get connected(): boolean {
    return this.#connected && isTransportUp(this.connection)
  }

  /** The id of the server process this session speaks to; a restarted server has another one. */
  get serverId(): string {
    return this.connection.info?.server_id ?? ''
  }

  /** The server's version, as "2.15.2". */
  get serverVersion(): string {
    return this.connection.info?.version ?? '0.0.0'
  }

  /** The largest message (headers and payload) the server takes, in bytes. */
  get maxPayloadBytes(): number {
    return this.connection.info?.max_payload ?? 1_048_576
  }

  /** True when the server is at least `major.minor`. */
  serverIsAtLeast(major: number, minor: number): boolean {
    const [serverMajor = 0, serverMinor = 0] = this.serverVersion.split('.').map((part) => Number.parseInt(part, 10))
    return serverMajor > major || (serverMajor === major && serverMinor >= minor)
  }

  /** Calls `listener` after every change, until the returned function is called. */
  onChange(listener: (change: SessionChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when connected; rejects when `signal` aborts or the session is closed. */
  whenConnected(signal?: AbortSignal): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(closedError())
    if (this.connected) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        stop()
        signal?.removeEventListener('abort', abort)
        settle()
      }
      const abort = () => finish(() => reject(signal?.reason))
      const stop = this.onChange(() => {
        if (this.connected) finish(resolve)
        else if (this.#closing !== undefined) finish(() => reject(closedError()))
      })
      if (signal?.aborted === true) abort()
      else signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /**
   * A request over the connection; rejects with a MeshError. Nothing is sent while the connection is down.
   * @param timeoutMs default 5,000
   */
  async request(subject: string, payload: Uint8Array | string, timeoutMs = 5_000): Promise<Uint8Array> {
    const action = `ask ${subject}`
    if (!this.connected) {
      throw new MeshError('unavailable', `${action}: there is no connection to NATS`, { retryAfterMs: 250 })
    }
    try {
      return (await this.connection.request(subject, payload, { timeout: timeoutMs })).data
    } catch (cause) {
      throw requestError(action, cause)
    }
  }

  /** Finishes what the server still owes, then closes. */
  async drain(): Promise<void> {
    if (this.#closing === undefined && this.connected) await this.connection.drain().catch(() => undefined)
    await this.close()
  }

  /** Closes the connection; joins a close in progress. */
  close(): Promise<void> {
    this.#closing ??= this.connection.close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') this.#change(false)
      else if (status.type === 'reconnect') this.#change(true)
      else if (status.type === 'reconnecting') this.#attempts.count++
      else if (status.type === 'error') this.#log.warn({ error: status.error.message }, 'NATS reports an error')
    }
    this.#closing ??= Promise.resolve()
    this.#change(false)
  }

  #change(connected: boolean): void {
    this.#epoch++
    this.#connected = connected
    if (connected) this.#attempts.count = 0
    if (this.#closing === undefined) {
      this.#log.info({ connected, server: this.connection.getServer() }, 'connection to NATS changed')
    }
    for (const listener of [...this.#listeners]) {
      try {
        listener({ connected, epoch: this.#epoch })
      } catch (error) {
        this.#log.error({ error: String(error) }, 'a listener of the NATS session failed')
      }
    }
  }
}

async function connectionOptions(
  options: NatsSessionOptions,
  attempts: { count: number },
): Promise<NodeConnectionOptions> {
  const settings: NodeConnectionOptions = {
    servers: [...options.servers],
    name: options.name,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: () => reconnectDelay(attempts),
    timeout: DIAL_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
    noAsyncTraces: true,
  }
  if (options.tls !== undefined) settings.tls = { ...options.tls }
  if (options.credentialsFile !== undefined) {
    settings.authenticator = credsAuthenticator(await readFile(options.credentialsFile))
  }
  return settings
}

/** Full jitter over a doubling range, so that a region's gateways do not come back all at once. */
function reconnectDelay(attempts: { count: number }): number {
  const range = Math.min(RECONNECT_DELAY_MAX_MS, RECONNECT_DELAY_MIN_MS * 2 ** Math.min(attempts.count, 10))
  return RECONNECT_DELAY_MIN_MS + Math.floor(Math.random() * range)
}

function waitFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', abort, { once: true })
  })
}

function closedError(): MeshError {
  return new MeshError('unavailable', 'use NATS: the session is closed')
}
