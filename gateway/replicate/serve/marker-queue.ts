import { MeshError, type RetryMark } from '@landbridge/core'
import type { NatsSession, StoredMessage } from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'
import { Signal } from '../signal.ts'
import { eventsOfMarkers, type MarkedEvent, type Marker } from './markers.ts'
import { WINDOW_BYTES } from './pull-request.ts'

/** What waits, markers and what comes between them; there is room again at half of this or of a window. */
const QUEUE_MAX = 512

type Queued = { readonly message: StoredMessage; readonly marker: Marker | undefined }

/** What a marker stands for; without an event that is no longer kept. */
export type Stands = { readonly mark: RetryMark; readonly event: MarkedEvent | undefined }

/** What a queue needs. */
export type MarkerQueueOptions = {
  readonly session: NatsSession
  readonly topic: TopicEntry
  /** Whether one more may be used now; else the queue waits for `wake`. */
  readonly mayUse: () => boolean
  /** Called for each in its turn. */
  readonly use: (message: StoredMessage, stands: Stands | undefined) => void
  /** It has room again. */
  readonly onRoom: () => void
  readonly onFailed: (why: string) => void
}

/**
 * Records of a log in their order, while the events of markers among them are read: what follows a marker must not overtake
 * it. While some are read more come, and are read together.
 */
export class MarkerQueue {
  readonly #options: MarkerQueueOptions
  readonly #wake = new Signal()
  readonly #queue: Queued[] = []
  /** The events of the first markers in the queue. */
  #events: (MarkedEvent | undefined)[] = []
  #bytes = 0
  #full = false
  #closed = false

  constructor(options: MarkerQueueOptions) {
    this.#options = options
  }

  /** What comes need not wait, unless it is a marker. */
  get empty(): boolean {
    return this.#queue.length === 0
  }

  /** Nothing more should come. */
  get full(): boolean {
    return this.#full
  }

  push(message: StoredMessage, marker: Marker | undefined): void {
    this.#queue.push({ message, marker })
    this.#bytes += message.payload.length
    this.#full ||= this.#queue.length >= QUEUE_MAX || this.#bytes >= WINDOW_BYTES
    if (this.#queue.length === 1) void this.#run()
  }

  /** There may be use for more. */
  wake(): void {
    this.#wake.notify()
  }

  close(): void {
    this.#closed = true
    this.#wake.notify()
  }

  async #run(): Promise<void> {
    const { mayUse, use, onRoom, onFailed } = this.#options
    try {
      for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
        while (!mayUse() && !this.#closed) await this.#wake.wait()
        if (next.marker !== undefined && this.#events.length === 0 && !this.#closed) await this.#read()
        if (this.#closed) return
        use(next.message, next.marker && { mark: next.marker.mark, event: this.#events.shift() })
        this.#queue.shift()
        this.#bytes -= next.message.payload.length
        if (!this.#full || this.#queue.length > QUEUE_MAX / 2 || this.#bytes > WINDOW_BYTES / 2) continue
        this.#full = false
        onRoom()
      }
    } catch (cause) {
      onFailed(MeshError.from(cause).message)
    }
  }

  async #read(): Promise<void> {
    const { session, topic } = this.#options
    const markers = this.#queue.flatMap(({ marker }) => marker ?? [])
    this.#events = await eventsOfMarkers(session, topic, markers)
  }
}
