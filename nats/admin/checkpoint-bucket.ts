import { type Checkpoint, encodeCheckpoint, parseCheckpoint, streamName, type TopicName } from '@landbridge/core'
import type { NatsSession } from '../session.ts'
import { KeyValue } from './key-value.ts'

const BUCKET = 'lb-checkpoint'

/**
 * Replication checkpoints of a region, one a (topic, origin): what makes one count is in it (RULES.md 3). And which
 * incarnation of each stream they are about.
 */
export class CheckpointBucket {
  readonly #keyValue: KeyValue

  private constructor(keyValue: KeyValue) {
    this.#keyValue = keyValue
  }

  /** Opens `lb-checkpoint`, making it when missing. */
  static async open(options: { readonly session: NatsSession; readonly replicas: number }): Promise<CheckpointBucket> {
    return new CheckpointBucket(await KeyValue.open(options.session, BUCKET, options.replicas))
  }

  /** The checkpoint, from the bucket's leader; undefined when there is none that can be read. */
  async get(topic: TopicName, origin: string): Promise<Checkpoint | undefined> {
    const entry = await this.#keyValue.get(keyOf(topic, origin))
    return entry === undefined ? undefined : parseCheckpoint(entry.value).value
  }

  async put(topic: TopicName, origin: string, checkpoint: Checkpoint): Promise<void> {
    await this.#keyValue.put(keyOf(topic, origin), encodeCheckpoint(checkpoint))
  }

  /** The incarnation of a stream that was kept; undefined when none was. */
  async incarnation(stream: string): Promise<string | undefined> {
    return (await this.#keyValue.get(incarnationKey(stream)))?.value
  }

  /** Keeps the incarnation of a stream, as `StreamStatus.created` tells it. */
  async keepIncarnation(stream: string, created: string): Promise<void> {
    await this.#keyValue.put(incarnationKey(stream), created)
  }
}

function incarnationKey(stream: string): string {
  return `incarnation.${stream}`
}

function keyOf(topic: TopicName, origin: string): string {
  return `${streamName(topic)}.${origin}`
}
