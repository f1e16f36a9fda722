import { KubeConfig } from '@kubernetes/client-node'
import type { Dispatcher } from 'undici'
import { type Access, Connection } from './connection.ts'
import { errorOfAnswer, KubeError } from './kube-error.ts'
import { linesOf } from './lines.ts'
import { collectionPath, type KubeObject, type ObjectKey, objectPath, type ResourceType } from './types.ts'
import { withinTime } from './within-time.ts'

/** One page of a list. */
export type ObjectList<T extends KubeObject> = {
  readonly items: readonly T[]
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
}

/** What a watch tells. `object` of an ERROR is a Status; of a BOOKMARK only its resourceVersion counts. */
export type WatchEvent = { readonly type: string; readonly object: KubeObject }

/** Query parameters; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>

type Send = {
  readonly action: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Query
  readonly body?: unknown
  readonly contentType?: string
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number
}

type Answer = Dispatcher.ResponseData

const TIMEOUT_MS = 15_000
const USER_AGENT = 'landbridge-operator'
const JSON_TYPE = 'application/json'
/** Server-side apply takes JSON, too: every JSON text is YAML. */
const APPLY_TYPE = 'application/apply-patch+yaml'
const MERGE_TYPE = 'application/merge-patch+json'

/**
 * The few requests that the operator makes. Addresses, certificates and tokens come from a KubeConfig, which reads
 * rotated tokens again; everything else is plain HTTP, so that every request has a time limit and a clear error.
 */
export class KubeClient {
  readonly #config: KubeConfig
  readonly #connection: Connection

  constructor(config: KubeConfig) {
    if (config.getCurrentCluster() === null) {
      throw new Error('Kubernetes: no cluster is configured, wanted a service account or KUBECONFIG')
    }
    this.#config = config
    this.#connection = new Connection(config)
  }

  /** From a kubeconfig file; without one the pod's service account, or what `kubectl` would use. */
  static fromEnvironment(file?: string): KubeClient {
    const config = new KubeConfig()
    if (file === undefined) config.loadFromDefault()
    else config.loadFromFile(file)
    return new KubeClient(config)
  }

  /** @throws KubeError */
  list<T extends KubeObject>(
    type: ResourceType,
    namespace: string | undefined,
    query: Query,
    signal?: AbortSignal,
  ): Promise<ObjectList<T>> {
    const path = collectionPath(type, namespace)
    return this.#json({ action: `list ${type.plural}`, method: 'GET', path, query, signal, timeoutMs: 60_000 })
  }

  /** Undefined when there is none. @throws KubeError */
  async get<T extends KubeObject>(type: ResourceType, key: ObjectKey, signal?: AbortSignal): Promise<T | undefined> {
    try {
      return await this.#json<T>({ action: `get ${type.kind}`, method: 'GET', path: objectPath(type, key), signal })
    } catch (error) {
      if (error instanceof KubeError && error.isNotFound) return undefined
      throw error
    }
  }

  /** @throws KubeError */
  create<T extends KubeObject>(
    type: ResourceType,
    namespace: string | undefined,
    body: unknown,
    signal?: AbortSignal,
  ): Promise<T> {
    const path = collectionPath(type, namespace)
    return this.#json({ action: `create ${type.kind}`, method: 'POST', path, body, signal })
  }

  /** Replaces; conflicts unless `body` has the resourceVersion that the server has. @throws KubeError */
  replace<T extends KubeObject>(type: ResourceType, key: ObjectKey, body: unknown, signal?: AbortSignal): Promise<T> {
    return this.#json({ action: `update ${type.kind}`, method: 'PUT', path: objectPath(type, key), body, signal })
  }

  /**
   * Replaces the status; the rest of `body` only names the object. Conflicts unless its resourceVersion is the server's:
   * that is how a leader that was paused writes nothing.
   * @throws KubeError
   */
  replaceStatus<T extends KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    body: unknown,
    options: { readonly fieldManager: string },
  ): Promise<T> {
    const action = `update ${type.kind}/status`
    return this.#json({ action, method: 'PUT', path: objectPath(type, key, 'status'), query: { ...options }, body })
  }

  /** Server-side apply of the object or of its status, with force. @throws KubeError */
  apply<T extends KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    body: unknown,
    options: { readonly fieldManager: string; readonly subresource?: 'status'; readonly signal?: AbortSignal },
  ): Promise<T> {
    const { fieldManager, subresource, signal } = options
    const path = objectPath(type, key, subresource)
    const action = `apply ${type.kind}${subresource === undefined ? '' : `/${subresource}`}`
    const query = { fieldManager, force: true }
    return this.#json({ action, method: 'PATCH', path, query, body, contentType: APPLY_TYPE, signal })
  }

  /** JSON merge patch. @throws KubeError */
  merge<T extends KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    body: unknown,
    options: { readonly fieldManager: string; readonly signal?: AbortSignal },
  ): Promise<T> {
    const { fieldManager, signal } = options
    const path = objectPath(type, key)
    const query = { fieldManager }
    return this.#json({
      action: `patch ${type.kind}`,
      method: 'PATCH',
      path,
      query,
      body,
      contentType: MERGE_TYPE,
      signal,
    })
  }

  /** Resolves also when there is none. @throws KubeError */
  async delete(type: ResourceType, key: ObjectKey, signal?: AbortSignal): Promise<void> {
    try {
      await this.#json({ action: `delete ${type.kind}`, method: 'DELETE', path: objectPath(type, key), signal })
    } catch (error) {
      if (!(error instanceof KubeError && error.isNotFound)) throw error
    }
  }

  /**
   * Follows a kind until the server ends the watch, the signal aborts or the connection breaks.
   * @param onEvent is called for each event, in order; what it throws ends the watch
   * @throws KubeError, also for a line that is no event
   */
  async watch(
    type: ResourceType,
    namespace: string | undefined,
    options: { readonly query: Query; readonly signal: AbortSignal },
    onEvent: (event: WatchEvent) => void,
  ): Promise<void> {
    const action = `watch ${type.plural}`
    const { query, signal } = options
    const access = await this.#connection.ownAccess()
    try {
      const path = collectionPath(type, namespace)
      const send: Send = { action, method: 'GET', path, query: { ...query, watch: true }, signal }
      const { body } = await this.#send(send, access, signal)
      // When `onEvent` throws nobody reads any more, and the end of the connection would be an error without a listener.
      body.on('error', () => undefined)
      for await (const line of linesOf(body)) if (line !== '') onEvent(parseEvent(action, line))
    } catch (cause) {
      if (cause instanceof KubeError) throw cause
      throw new KubeError(`${action}: the connection broke`, { status: 0, cause })
    } finally {
      access.dispatcher.destroy().catch(() => undefined)
    }
  }

  #json<T>(send: Send): Promise<T> {
    const { timeoutMs = TIMEOUT_MS } = send
    return withinTime(timeoutMs, send.signal, async (signal) => {
      const answer = await this.#send(send, await this.#access(send), signal)
      try {
        return (await answer.body.json()) as T
      } catch (cause) {
        throw new KubeError(`${send.action}: the answer is no JSON`, { status: 0, cause })
      }
    })
  }

  async #access({ action }: Send): Promise<Access> {
    try {
      return await this.#connection.access()
    } catch (cause) {
      throw unreachable(action, cause)
    }
  }

  /** By the pool itself: `fetch` costs several times as much, and a time limit of its own that outlives the request. */
  async #send(send: Send, { dispatcher, headers }: Access, signal: AbortSignal): Promise<Answer> {
    const { action, method, path, query = {}, body, contentType = JSON_TYPE } = send
    const url = new URL(`${this.#config.getCurrentCluster()?.server ?? ''}${path}`)
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, `${value}`)
    let answer: Answer
    try {
      answer = await dispatcher.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { ...headers, accept: JSON_TYPE, 'content-type': contentType, 'user-agent': USER_AGENT },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal,
      })
    } catch (cause) {
      throw unreachable(action, cause)
    }
    const { statusCode } = answer
    if (statusCode >= 200 && statusCode < 300) return answer
    const text = await answer.body.text().catch(() => '')
    throw errorOfAnswer(action, statusCode, text, headerOf(answer, 'retry-after'))
  }
}

function unreachable(action: string, cause: unknown): KubeError {
  return new KubeError(`${action}: the API server cannot be reached (${reasonOf(cause)})`, { status: 0, cause })
}

function headerOf({ headers }: Answer, name: string): string | null {
  const value = headers[name]
  return (Array.isArray(value) ? value[0] : value) ?? null
}

function parseEvent(action: string, line: string): WatchEvent {
  let event: unknown
  try {
    event = JSON.parse(line)
  } catch (cause) {
    throw new KubeError(`${action}: the server sent a line that is no JSON`, { status: 0, cause })
  }
  if (typeof event === 'object' && event !== null && 'type' in event && 'object' in event) return event as WatchEvent
  throw new KubeError(`${action}: the server sent a line that is no event`, { status: 0 })
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  // One that tried several addresses has no message of its own.
  return cause.message === '' && 'code' in cause ? String(cause.code) : cause.message
}
