import type { RequestOptions } from 'node:https'
import { isDeepStrictEqual } from 'node:util'
import type { KubeConfig } from '@kubernetes/client-node'
import { Agent, type Dispatcher, ProxyAgent } from 'undici'

/** What a request to the API server is sent with. */
export type Access = { readonly dispatcher: Dispatcher; readonly headers: Readonly<Record<string, string>> }

type Trust = Readonly<Record<(typeof TRUST)[number], unknown>>

const TRUST = ['ca', 'cert', 'key', 'pfx', 'passphrase', 'servername', 'rejectUnauthorized'] as const
/** Tokens and certificates that are replaced count after this. */
const KEEP_MS = 1_000
const CONNECTIONS = 64

/**
 * Connections to the API server of a kubeconfig. The library makes a pool of connections for each request, which costs a TLS
 * handshake each; this keeps one pool until the certificates change. Files are read again at most once a second.
 */
export class Connection {
  readonly #config: KubeConfig
  #access: Promise<Access> | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #pool: { readonly trust: Trust; readonly dispatcher: Dispatcher } | undefined

  /** @throws Error for a proxy that is not supported */
  constructor(config: KubeConfig) {
    if (config.getCurrentCluster()?.proxyUrl?.startsWith('socks') === true) {
      throw new Error('Kubernetes: the cluster has a SOCKS proxy, wanted an HTTP proxy or none')
    }
    this.#config = config
  }

  /** The pool, and who asks. Rejects when the credentials cannot be read. */
  access(): Promise<Access> {
    const now = performance.now()
    if (this.#access !== undefined && now - this.#readAt < KEEP_MS) return this.#access
    this.#readAt = now
    const access = this.#read()
    this.#access = access
    access.catch(() => {
      // The next request tries again.
      if (this.#access === access) this.#access = undefined
    })
    return access
  }

  /** The same with a connection of its own, for a watch: in the pool others would wait behind it. Close it afterwards. */
  async ownAccess(): Promise<Access> {
    const { headers, trust } = await this.#credentials()
    return { dispatcher: this.#open(trust, 1), headers }
  }

  async #read(): Promise<Access> {
    const { headers, trust } = await this.#credentials()
    return { dispatcher: this.#dispatcherFor(trust), headers }
  }

  async #credentials(): Promise<{ readonly headers: Access['headers']; readonly trust: Trust }> {
    const options: RequestOptions = {}
    await this.#config.applyToHTTPSOptions(options)
    const trust = Object.fromEntries(TRUST.map((name) => [name, options[name]])) as Trust
    const headers = Object.fromEntries(Object.entries(options.headers ?? {}).map(([name, value]) => [name, `${value}`]))
    return { headers, trust }
  }

  #dispatcherFor(trust: Trust): Dispatcher {
    if (isDeepStrictEqual(this.#pool?.trust, trust)) return this.#pool?.dispatcher as Dispatcher
    const dispatcher = this.#open(trust, CONNECTIONS)
    // What is under way on the old one ends there.
    this.#pool?.dispatcher.close().catch(() => undefined)
    this.#pool = { trust, dispatcher }
    return dispatcher
  }

  #open(trust: Trust, connections: number): Dispatcher {
    const tls = Object.fromEntries(Object.entries(trust).filter(([, value]) => value !== undefined))
    const proxy = this.#config.getCurrentCluster()?.proxyUrl
    // One request a connection at a time: over HTTP/2, too, the library lets a change wait for all that runs.
    const options = { connections, pipelining: 1, allowH2: false }
    return proxy === undefined
      ? new Agent({ ...options, connect: tls })
      : new ProxyAgent({ ...options, uri: proxy, requestTls: tls })
  }
}
