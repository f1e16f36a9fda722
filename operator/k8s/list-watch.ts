import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '@landbridge/service'
import type { KubeClient, Query, WatchEvent } from './kube-client.ts'
import { KubeError } from './kube-error.ts'
import { formatKey, type KubeObject, keyOf, type ResourceType } from './types.ts'

/** Why everything was listed: at first, by age, because the watched version was gone (410), or after another failure. */
export type ListReason = 'start' | 'age' | 'expired' | 'failure'

/** What a `ListWatch` needs. */
export type ListWatchOptions<T extends KubeObject> = {
  readonly client: KubeClient
  readonly type: ResourceType
  /** Only this namespace; undefined: all. */
  readonly namespace?: string | undefined
  readonly log: Log
  /** Called with "namespace/name" whenever the object came, changed or went; must not throw. */
  readonly onChange: (key: string) => void
  /** Called after everything was listed; must not throw. */
  readonly onList?: (reason: ListReason) => void
  /** Brings objects to what is kept of them, so that ten thousand fit into memory. Default: as they are. */
  readonly trim?: (object: T) => T
  /** 0 (included) to 1 (excluded). */
  readonly random?: () => number
  /** Longest time of one watch, in seconds. Default 30: a watch that has gone blind is replaced after this and 5 s. */
  readonly watchSeconds?: number
  /** Everything is listed anew after this, in ms. Default 10 min. */
  readonly relistMs?: number
}

const PAGE_ITEMS = 500
/** How much longer than it asked for a watch may stay silent. */
const SILENCE_GRACE_MS = 5_000
const RETRY_MS = { min: 200, max: 30_000 } as const
const WATCH_SECONDS = 30
const RELIST_MS = 10 * 60_000

/**
 * The objects of one kind as the API server has them.
 *
 * 1. After `synced` resolves, `objects` holds everything that was there when it was called.
 * 2. A watch lasts `watchSeconds` at most, by the server's clock and by ours: one that hears nothing any more is given
 *    up and opened again from where it was, so that nobody is blind for longer, whatever became of the connection.
 * 3. An expired resourceVersion (410) lists anew. So does every `relistMs`, because a cache that is wrong stays wrong.
 * 4. It never ends before `close`. Failures are retried with backoff and jitter, as the server asks for.
 * 5. What a write of our own returned counts at once (`learn`); older news that come later do not undo it, and the news of
 *    the write itself are none.
 */
export class ListWatch<T extends KubeObject> implements AsyncDisposable {
  readonly #options: ListWatchOptions<T>
  readonly #objects = new Map<string, T>()
  /** By key: the version that a write of our own made, and that the watch has not told yet. */
  readonly #awaited = new Map<string, string>()
  readonly #end = new AbortController()
  readonly #synced = Promise.withResolvers<void>()
  readonly #done: Promise<void>
  #resourceVersion = ''
  #failures = 0
  #reason: ListReason = 'start'
  #heardMs: number | undefined

  constructor(options: ListWatchOptions<T>) {
    this.#options = options
    this.#synced.promise.catch(() => undefined)
    this.#done = this.#live()
  }

  /** "namespace/name" to object. */
  get objects(): ReadonlyMap<string, T> {
    return this.#objects
  }

  /** Resolves after the first list; rejects when closed before. */
  get synced(): Promise<void> {
    return this.#synced.promise
  }

  /** When the API server last answered, ms since 1970; undefined if never. */
  get heardMs(): number | undefined {
    return this.#heardMs
  }

  /**
   * Takes over what a write of our own returned, unless the watch was faster: versions have no order for us.
   * @param before What was written upon
   */
  learn(before: T, written: T): void {
    const key = formatKey(keyOf(before))
    const [from, to] = [before.metadata.resourceVersion, written.metadata.resourceVersion]
    const known = this.#objects.get(key)?.metadata
    if (known?.uid !== written.metadata.uid || known.resourceVersion !== from || from === to) return
    this.#keep(key, written)
    this.#awaited.set(key, to)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#end.abort()
    this.#synced.reject(new Error(`${this.#options.type.plural}: closed before the first list`))
    await this.#done
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #live(): Promise<void> {
    const { signal } = this.#end
    while (!signal.aborted) {
      try {
        await this.#list()
        this.#options.onList?.(this.#reason)
        this.#reason = 'age'
        const relistAtMs = performance.now() + (this.#options.relistMs ?? RELIST_MS) * (0.9 + 0.2 * this.#random())
        while (!signal.aborted && performance.now() < relistAtMs) await this.#watchOnce()
      } catch (error) {
        if (signal.aborted) return
        const isGone = error instanceof KubeError && error.isGone
        this.#reason = isGone ? 'expired' : this.#heardMs === undefined ? 'start' : 'failure'
        await this.#pause(error)
      }
    }
  }

  async #list(): Promise<void> {
    const { client, type, namespace, onChange } = this.#options
    const seen = new Set<string>()
    let page: string | undefined
    let version = ''
    do {
      const query = { limit: PAGE_ITEMS, continue: page }
      const list = await client.list<T>(type, namespace, query, this.#end.signal)
      for (const item of list.items) {
        // Items of a list have neither apiVersion nor kind.
        const object = { ...item, apiVersion: item.apiVersion ?? '', kind: type.kind }
        const key = formatKey(keyOf(object))
        seen.add(key)
        if (this.#objects.get(key)?.metadata.resourceVersion === object.metadata.resourceVersion) continue
        this.#keep(key, object)
        onChange(key)
      }
      page = list.metadata.continue || undefined
      version = list.metadata.resourceVersion
    } while (page !== undefined)
    for (const key of [...this.#objects.keys()]) {
      if (seen.has(key)) continue
      this.#objects.delete(key)
      onChange(key)
    }
    this.#awaited.clear()
    this.#resourceVersion = version
    this.#heard()
    this.#synced.resolve()
  }

  /** One watch; returns when it ended as it should. @throws KubeError */
  async #watchOnce(): Promise<void> {
    const { client, type, namespace, watchSeconds = WATCH_SECONDS } = this.#options
    const silence = AbortSignal.timeout(watchSeconds * 1_000 + SILENCE_GRACE_MS)
    const signal = AbortSignal.any([this.#end.signal, silence])
    const query: Query = {
      allowWatchBookmarks: true,
      resourceVersion: this.#resourceVersion,
      timeoutSeconds: watchSeconds,
    }
    try {
      await client.watch(type, namespace, { query, signal }, (event) => this.#take(event))
    } catch (error) {
      // Given up by ourselves: the next one goes on from the last event.
      if (silence.aborted && !this.#end.signal.aborted) {
        this.#options.log.warn({ resource: type.plural }, 'a watch heard nothing in time, it is opened again')
        return
      }
      throw error
    }
  }

  #take({ type: kind, object }: WatchEvent): void {
    if (kind === 'ERROR') throw errorOfStatus(this.#options.type.plural, object)
    this.#heard()
    this.#resourceVersion = object.metadata.resourceVersion
    if (kind === 'BOOKMARK') return
    const key = formatKey(keyOf(object))
    const awaited = this.#awaited.get(key)
    const isOwn = kind !== 'DELETED' && awaited === object.metadata.resourceVersion
    if (kind === 'DELETED') this.#objects.delete(key)
    else if (awaited === undefined) this.#keep(key, object as T)
    if (kind === 'DELETED' || isOwn) this.#awaited.delete(key)
    if (!isOwn) this.#options.onChange(key)
  }

  #keep(key: string, object: T): void {
    const { trim } = this.#options
    this.#objects.set(key, trim === undefined ? object : trim(object))
  }

  #heard(): void {
    this.#heardMs = Date.now()
    this.#failures = 0
  }

  async #pause(error: unknown): Promise<void> {
    const { log, type } = this.#options
    if (error instanceof KubeError && error.isGone) {
      log.info({ resource: type.plural }, 'the watched version is no longer kept, listing anew')
      return
    }
    const asked = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0
    const backoff = Math.min(RETRY_MS.max, RETRY_MS.min * 2 ** this.#failures) * (0.5 + 0.5 * this.#random())
    this.#failures = Math.min(this.#failures + 1, 16)
    const waitMs = Math.max(asked, backoff)
    log.warn({ err: error, resource: type.plural, waitMs: Math.round(waitMs) }, 'following a resource failed')
    await delay(waitMs, undefined, { signal: this.#end.signal }).catch(() => undefined)
  }

  #random(): number {
    return (this.#options.random ?? Math.random)()
  }
}

function errorOfStatus(plural: string, status: unknown): KubeError {
  const { code, reason, message } = status as { code?: unknown; reason?: unknown; message?: unknown }
  return new KubeError(`watch ${plural}: ${typeof message === 'string' ? message : 'the server ended the watch'}`, {
    status: typeof code === 'number' ? code : 0,
    reason: typeof reason === 'string' ? reason : '',
  })
}
