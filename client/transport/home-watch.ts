import { create } from '@bufbuild/protobuf'
import { MeshError } from '@landbridge/core'
import { EventService, GetTopicRequestSchema, grpcMethods } from '@landbridge/proto'
import { type Link, sameRegion } from './link.ts'
import type { Transport } from './transport.ts'

const method = grpcMethods(EventService).getTopic
const CHECK_MS = 1_000
const PROBE_TIMEOUT_MS = 2_000

/**
 * While a stream runs at a link that is not the preferred one: looks every second whether a link of a region before it
 * works again, which is when it can answer for the topic, store included. Calls `onHome` once.
 */
export class HomeWatch implements Disposable {
  readonly #transport: Transport
  readonly #topic: string
  readonly #better: readonly Link[]
  readonly #onHome: () => void
  readonly #timer: NodeJS.Timeout | undefined
  readonly #ended = new AbortController()
  #probing = false

  constructor(transport: Transport, link: Link, topic: string, onHome: () => void) {
    this.#transport = transport
    this.#topic = topic
    this.#onHome = onHome
    const before = transport.links.slice(0, transport.links.indexOf(link))
    // The home gateways are as good as each other.
    this.#better = before.some((other) => sameRegion(other, link)) ? [] : before
    if (this.#better.length === 0) return
    this.#timer = setInterval(() => void this.#check(), CHECK_MS)
    this.#timer.unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#ended.abort(new MeshError('cancelled', 'probe: not needed any more'))
  }

  async #check(): Promise<void> {
    const startedAt = performance.now()
    const link = this.#better.find((candidate) => candidate.available(startedAt))
    if (link === undefined || this.#probing) return
    this.#probing = true
    link.use(startedAt)
    try {
      await this.#probe(link)
      if (this.#ended.signal.aborted) return
      link.succeeded()
      this[Symbol.dispose]()
      this.#onHome()
    } catch {
      if (!this.#ended.signal.aborted) link.failed(startedAt)
    } finally {
      this.#probing = false
    }
  }

  async #probe(link: Link): Promise<void> {
    const request = create(GetTopicRequestSchema, { topic: this.#topic })
    const call = { what: 'probe', timeoutMs: PROBE_TIMEOUT_MS, signal: this.#ended.signal }
    await this.#transport.unary(link, method, request, call)
  }
}
