import { type Checkpoint, encodeCheckpoint, parseCheckpoint, streamName, type TopicName } from '@landbridge/core'
import type { NatsSession } from '../session.ts'
import { KeyValue } from './key-value.ts'

const BUCKET = 'lb-checkpoint'

/** Replication checkpoints of a region, one a (topic, origin); what makes one count is in it (RULES.md 3). */
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
}

function keyOf(topic: TopicName, origin: string): string {
  return `${streamName(topic)}.${origin}`
}
