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
/** Watches take one each for good. */
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

  async #read(): Promise<Access> {
    const options: RequestOptions = {}
    await this.#config.applyToHTTPSOptions(options)
    const trust = Object.fromEntries(TRUST.map((name) => [name, options[name]])) as Trust
    const headers = Object.fromEntries(Object.entries(options.headers ?? {}).map(([name, value]) => [name, `${value}`]))
    return { dispatcher: this.#dispatcherFor(trust), headers }
  }

  #dispatcherFor(trust: Trust): Dispatcher {
    if (isDeepStrictEqual(this.#pool?.trust, trust)) return this.#pool?.dispatcher as Dispatcher
    const tls = Object.fromEntries(Object.entries(trust).filter(([, value]) => value !== undefined))
    const proxy = this.#config.getCurrentCluster()?.proxyUrl
    const dispatcher =
      proxy === undefined
        ? new Agent({ connect: tls, connections: CONNECTIONS })
        : new ProxyAgent({ uri: proxy, requestTls: tls, connections: CONNECTIONS })
    // What is under way on the old one ends there.
    this.#pool?.dispatcher.close().catch(() => undefined)
    this.#pool = { trust, dispatcher }
    return dispatcher
  }
}
