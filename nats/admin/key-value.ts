import { MeshError } from '@landbridge/core'
import { askJetStream } from '../api.ts'
import { lastRecord } from '../read/records.ts'
import { isServerError, SERVER_ERROR, ServerError, type ServerErrorBody } from '../server-error.ts'
import type { NatsSession } from '../session.ts'
import { applyFenced } from '../write/apply-fenced.ts'

/** One entry of a bucket. */
export type KeyValueEntry = { readonly value: string; readonly revision: number }

/** Header that says what happened to a key; without it a value was put. */
export const OPERATION_HEADER = 'KV-Operation'

const PURGE_HEADERS = `NATS/1.0\r\n${OPERATION_HEADER}: PURGE\r\nNats-Rollup: sub\r\n\r\n`

/** A NATS key-value bucket with one value a key, laid out as every NATS client knows it. Read from the leader. */
export class KeyValue {
  readonly stream: string
  readonly #session: NatsSession
  readonly #prefix: string

  private constructor(session: NatsSession, bucket: string) {
    this.#session = session
    this.stream = `KV_${bucket}`
    this.#prefix = `$KV.${bucket}.`
  }

  /** Opens a bucket, making it when missing; one that is there is taken as it is. */
  static async open(session: NatsSession, bucket: string, replicas: number): Promise<KeyValue> {
    const keyValue = new KeyValue(session, bucket)
    await keyValue.ensure(replicas)
    return keyValue
  }

  /** Makes the bucket when it is missing. */
  async ensure(replicas: number): Promise<void> {
    const config = {
      name: this.stream,
      subjects: [`${this.#prefix}>`],
      max_msgs_per_subject: 1,
      discard: 'new',
      allow_rollup_hdrs: true,
      deny_delete: true,
      allow_direct: true,
      num_replicas: replicas,
      storage: 'file',
    }
    try {
      await askJetStream(this.#session, `STREAM.CREATE.${this.stream}`, config, 15_000)
    } catch (error) {
      if (!isServerError(error, SERVER_ERROR.streamNameInUse)) throw error
    }
  }

  /** The subject of a key, or the filter of keys with wildcards. */
  subject(key: string): string {
    return `${this.#prefix}${key}`
  }

  /** The key of one of the bucket's subjects. */
  key(subject: string): string {
    return subject.slice(this.#prefix.length)
  }

  async get(key: string): Promise<KeyValueEntry | undefined> {
    const { value, revision } = await this.head(key)
    return value === undefined ? undefined : { value, revision }
  }

  /** The key's newest record: what it holds, undefined when it was deleted or never there; its revision, 0 when never there. */
  async head(key: string): Promise<{ readonly value: string | undefined; readonly revision: number }> {
    const record = await lastRecord(this.#session, this.stream, this.subject(key))
    const isGone = record === undefined || record.header(OPERATION_HEADER) !== undefined
    return { value: isGone ? undefined : Buffer.from(record.payload).toString(), revision: record?.sequence ?? 0 }
  }

  /** Puts a value whatever was there; returns its revision. */
  async put(key: string, value: string): Promise<number> {
    const answer = await this.#session.request(this.subject(key), value)
    const ack: { readonly seq?: number; readonly error?: ServerErrorBody } = JSON.parse(Buffer.from(answer).toString())
    if (ack.error !== undefined) throw new ServerError(`put ${key}`, ack.error)
    return ack.seq ?? 0
  }

  /** Puts a value if the key's newest record, a deletion included, has `revision` (0: none). Rejects with 'aborted' otherwise. */
  replace(key: string, value: string, revision: number): Promise<number> {
    return this.#write(key, '', new TextEncoder().encode(value), revision)
  }

  /** Deletes a key that is there; returns whether it was. `beforeWrite` is called once it was seen there, and may throw. */
  async delete(key: string, beforeWrite?: () => void): Promise<boolean> {
    const entry = await this.get(key)
    if (entry === undefined) return false
    beforeWrite?.()
    await this.#write(key, PURGE_HEADERS, new Uint8Array(0), entry.revision)
    return true
  }

  async #write(key: string, headers: string, payload: Uint8Array, revision: number): Promise<number> {
    const subject = this.subject(key)
    const result = await applyFenced({
      session: this.#session,
      stream: this.stream,
      mode: 'single',
      requests: [{ subject, headers, payload, messageId: '' }],
      fence: { filter: subject, sequence: revision },
    })
    if (result.kind === 'stored') return result.lastSequence
    if (result.kind === 'failed') throw result.error
    const message = `write ${key}: it was changed by somebody else at the same time, try again`
    throw new MeshError('aborted', message, { retryAfterMs: 50 })
  }
}
