import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'
import type { Log } from './log.ts'
import type { ListenAddress } from './variables.ts'

/** What the operations endpoints show. */
export type OperationsOptions = {
  readonly listen: ListenAddress
  readonly metrics: Registry
  /** Why the process should get no traffic now; empty when it should. */
  readonly unready: () => readonly string[]
  readonly log: Log
}

/**
 * Plain HTTP for the people and machines that run a process: /metrics (Prometheus), /healthz (the process lives),
 * /readyz (it should get traffic; 503 says why not). Shows no events and no secrets, but belongs behind a firewall.
 */
export class OperationsServer implements AsyncDisposable {
  readonly #server: Server
  readonly #options: OperationsOptions

  private constructor(options: OperationsOptions) {
    this.#options = options
    this.#server = createServer((request, response) => void this.#answer(request, response))
    this.#server.requestTimeout = 10_000
    this.#server.headersTimeout = 5000
    this.#server.maxConnections = 100
  }

  /** Listens. Rejects when the address cannot be had. */
  static async open(options: OperationsOptions): Promise<OperationsServer> {
    const opened = new OperationsServer(options)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    opened.#server.once('error', reject)
    opened.#server.listen(options.listen.port, options.listen.host, resolve)
    await promise
    return opened
  }

  /** "host:port" that it listens on. */
  get address(): string {
    const { port } = this.#server.address() as AddressInfo
    return `${this.#options.listen.host}:${port}`
  }

  /** Stops listening; requests that run are cut. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.#server.closeAllConnections()
    await promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { metrics, unready, log } = this.#options
    try {
      if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'wanted GET\n')
      const path = request.url?.split('?', 1)[0]
      if (path === '/healthz') return send(response, 200, 'ok\n')
      if (path === '/readyz') {
        const reasons = unready()
        return send(
          response,
          reasons.length === 0 ? 200 : 503,
          reasons.length === 0 ? 'ok\n' : `${reasons.join('\n')}\n`,
        )
      }
      if (path === '/metrics') return send(response, 200, await metrics.metrics(), metrics.contentType)
      send(response, 404, 'wanted /metrics, /healthz or /readyz\n')
    } catch (err) {
      log.error({ err }, 'operations request failed')
      if (!response.headersSent) send(response, 500, 'failed; see the log\n')
    }
  }
}

function send(response: ServerResponse, code: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}
