import {
  encodeHeaders,
  eventSubject,
  messageId,
  partitionOf,
  type RetryMark,
  scanEvent,
  streamName,
  type TopicName,
  unwrap,
} from '@landbridge/core'
import { BatchWriter, NatsSession, type StoreRequest, type WriteMode } from '@landbridge/nats'
import { encodeEvent, type TestEvent } from './events.ts'

const PARTITIONS = 4

/** Options of `OriginWriter.connect`. */
export type OriginWriterOptions = {
  readonly servers: readonly string[]
  readonly region: string
  readonly topic: TopicName
  readonly mode?: WriteMode
}

/**
 * Stores events in a region as its gateways do, and keeps trying with the same ids until each is acknowledged: what a
 * publisher that obeys rule 4 in one region does while the outages are shorter than the duplicate window.
 */
export class OriginWriter implements AsyncDisposable {
  /** Every event that was acknowledged, in the order of sending. */
  readonly acknowledged: TestEvent[] = []
  readonly #options: OriginWriterOptions
  readonly #session: NatsSession
  readonly #writer: BatchWriter
  readonly #counters = new Map<string, number>()
  #next = 1

  private constructor(options: OriginWriterOptions, session: NatsSession) {
    this.#options = options
    this.#session = session
    const stream = streamName(options.topic)
    this.#writer = new BatchWriter({ session, stream, mode: options.mode ?? 'atomic', timeoutMs: 2_000 })
  }

  static async connect(options: OriginWriterOptions): Promise<OriginWriter> {
    const session = await NatsSession.connect({ servers: options.servers, name: 'test origin writer' })
    return new OriginWriter(options, session)
  }

  /** Stores `count` new events over a few keys, one batch; resolves when all are acknowledged. */
  async publish(count: number, payloadBytes?: number): Promise<void> {
    const events = Array.from({ length: count }, () => this.#nextEvent())
    await this.store(events, { payloadBytes })
    this.acknowledged.push(...events)
  }

  /** Stores given events until all are acknowledged; `mark` as a marked attempt would. */
  async store(
    events: readonly TestEvent[],
    options: { readonly payloadBytes?: number | undefined; readonly mark?: RetryMark } = {},
  ): Promise<void> {
    let open = events.map((event) => this.#request(event, options.payloadBytes, options.mark))
    while (open.length > 0) {
      await this.#session.whenConnected()
      const results = await this.#writer.store(open)
      open = open
        .filter((_, index) => results[index]?.kind === 'failed')
        .map((request) => ({ ...request, retry: true }))
      // Order within a key: what follows a failed one is sent again behind it and known by its id.
      if (open.length > 0) await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close()
    await this.#session.close()
  }

  #nextEvent(): TestEvent {
    const number = this.#next
    this.#next += 1
    const key = `key-${number % 5}`
    const counter = (this.#counters.get(key) ?? 0) + 1
    this.#counters.set(key, counter)
    return { source: `/${this.#options.region}`, id: String(number), key, counter }
  }

  #request(event: TestEvent, payloadBytes: number | undefined, mark: RetryMark | undefined): StoreRequest {
    const { topic, region } = this.#options
    const payload = encodeEvent(event, payloadBytes)
    const scanned = unwrap(scanEvent(payload))
    return {
      subject: eventSubject(topic, region, partitionOf(scanned, PARTITIONS), mark !== undefined),
      headers: encodeHeaders({ messageId: messageId(event), origin: undefined, mark }),
      payload,
      messageId: '',
    }
  }
}
