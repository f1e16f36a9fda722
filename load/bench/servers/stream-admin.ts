import {
  DiscardPolicy,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'

/** Makes and looks at streams of one server, for the parts of the benchmark that the mesh has no hand in. */
export class StreamAdmin implements AsyncDisposable {
  readonly manager: JetStreamManager
  readonly #connection: NatsConnection

  private constructor(connection: NatsConnection, manager: JetStreamManager) {
    this.#connection = connection
    this.manager = manager
  }

  static async connect(url: string): Promise<StreamAdmin> {
    const connection = await connect({ servers: url })
    return new StreamAdmin(connection, await jetstreamManager(connection))
  }

  /** A stream with the same limits, storage and abilities as `model`, for other subjects. */
  async cloneStream(model: string, name: string, subjects: string[]): Promise<void> {
    const { config } = await this.manager.streams.info(model)
    await this.manager.streams.add({ ...config, name, subjects })
  }

  /** A stream as the mesh would make it for a topic, or one fed by `source`, a stream of the JetStream domain `domain`. */
  async addStream(name: string, feed: { subjects: string[] } | { source: string; domain: string }): Promise<void> {
    const config: Partial<StreamConfig> & { name: string } = {
      name,
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      num_replicas: 1,
      duplicate_window: 120_000_000_000,
      ...('subjects' in feed
        ? { subjects: feed.subjects, allow_atomic: true, allow_batched: true }
        : { sources: [{ name: feed.source, external: { api: `$JS.${feed.domain}.API`, deliver: '' } }] }),
    }
    await this.manager.streams.add(config)
  }

  async deleteStream(name: string): Promise<void> {
    await this.manager.streams.delete(name)
  }

  /** How many messages the stream holds. */
  async messages(name: string): Promise<number> {
    const { state } = await this.manager.streams.info(name)
    return state.messages
  }

  /** Waits until the stream holds `messages` messages. Rejects after `limitMs`. */
  async waitForMessages(name: string, messages: number, limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs
    for (;;) {
      const { state } = await this.manager.streams.info(name)
      if (state.messages >= messages) return
      if (performance.now() > endMs) {
        throw new Error(`wait for ${name}: ${state.messages} messages after ${limitMs} ms, wanted ${messages}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /**
   * Messages a second between the first and the last message of a stream, by the server's own times of storing them: neither the start-up of whoever
   * writes nor the polling of whoever looks is in it.
   */
  async storedRate(name: string): Promise<number> {
    const { state } = await this.manager.streams.info(name)
    const first = await this.#storedAtMs(name, state.first_seq)
    const last = await this.#storedAtMs(name, state.last_seq)
    return ((state.messages - 1) * 1_000) / (last - first)
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #storedAtMs(name: string, sequence: number): Promise<number> {
    const message = await this.manager.streams.getMessage(name, { seq: sequence })
    if (message === null) throw new Error(`read ${name}: no message ${sequence}`)
    return message.time.getTime()
  }
}
