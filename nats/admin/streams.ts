import { type MeshError, STREAM_METADATA, type StreamShape } from '@landbridge/core'
import { askJetStream, type StreamInfo } from '../api.ts'
import { type Log, silentLog } from '../log.ts'
import { followNotices } from '../read/notices.ts'
import { isReader } from '../read/reader-name.ts'
import { isServerError, SERVER_ERROR } from '../server-error.ts'
import type { NatsSession } from '../session.ts'
import { shapeOfConfig, streamConfigOf } from './stream-config.ts'

/** A stream as the server has it. */
export type ObservedStream = {
  readonly shape: StreamShape
  /** "<tenant>/<topic>" of the topic that it was made for; undefined for a stream that is not the mesh's. */
  readonly topic: string | undefined
  /** Another text after the stream was made anew. */
  readonly created: string
  readonly messages: number
  readonly bytes: number
  readonly consumers: number
  /** As the server told it, settings that the mesh does not know included. */
  readonly config: Readonly<Record<string, unknown>>
}

/** A durable consumer of a stream: a group of subscribers. */
export type ObservedGroup = {
  readonly name: string
  /** Events that it has not been given yet, and those that it was given and did not settle. */
  readonly undelivered: number
}

const STREAM_ACTIONS = ['CREATED', 'UPDATED', 'DELETED'] as const

/** What became of a stream. */
export type StreamAction = (typeof STREAM_ACTIONS)[number]

const WRITE_TIMEOUT_MS = 15_000
const PAGE_TIMEOUT_MS = 10_000
/** Pages are bounded by the server (256 streams, 256 consumers); this bounds a server that never ends. */
const PAGES_MAX = 4_096
const STREAMS_LIKE = 'lb.>'

/** The streams of a region, for whoever declares them. */
export class Streams {
  readonly #session: NatsSession
  readonly #log: Log

  constructor(session: NatsSession, log: Log = silentLog) {
    this.#session = session
    this.#log = log
  }

  /** Every stream that has subjects of the mesh, by name. Rejects with a MeshError. */
  async list(): Promise<ReadonlyMap<string, ObservedStream>> {
    const streams = new Map<string, ObservedStream>()
    for (let page = 0, offset = 0; page < PAGES_MAX; page++) {
      const body = { offset, subject: STREAMS_LIKE }
      const answer: StreamPage = await askJetStream(this.#session, 'STREAM.LIST', body, PAGE_TIMEOUT_MS)
      for (const info of answer.streams ?? []) streams.set(String(info.config.name), observedOf(info))
      offset += answer.streams?.length ?? 0
      if (answer.missing !== undefined && answer.missing.length > 0) {
        this.#log.warn({ missing: answer.missing.length }, 'some streams did not answer')
      }
      if ((answer.streams?.length ?? 0) === 0 || offset >= answer.total) return streams
    }
    return streams
  }

  /** Undefined when there is none. Rejects with a MeshError. */
  async get(name: string): Promise<ObservedStream | undefined> {
    try {
      return observedOf(await askJetStream<StreamInfo>(this.#session, `STREAM.INFO.${name}`))
    } catch (error) {
      if (isServerError(error, SERVER_ERROR.streamNotFound)) return undefined
      throw error
    }
  }

  /** What the server cannot do is not asked for, or it would be missed again each time. */
  supported(shape: StreamShape): StreamShape {
    return { ...shape, allowAtomic: shape.allowAtomic && this.#session.serverIsAtLeast(2, 12) }
  }

  /** Makes a stream; one that is there with the same settings is as good. Rejects with a MeshError. */
  async create(shape: StreamShape): Promise<ObservedStream> {
    return observedOf(await this.#write('CREATE', shape.name, streamConfigOf(shape)))
  }

  /** Changes a stream; settings that the mesh does not know stay. Rejects with a MeshError. */
  async update(shape: StreamShape, before: ObservedStream): Promise<ObservedStream> {
    return observedOf(await this.#write('UPDATE', shape.name, { ...before.config, ...streamConfigOf(shape) }))
  }

  /** Deletes a stream and all its events; resolves also when there is none. Rejects with a MeshError. */
  async delete(name: string): Promise<void> {
    try {
      await askJetStream(this.#session, `STREAM.DELETE.${name}`, undefined, WRITE_TIMEOUT_MS)
    } catch (error) {
      if (!isServerError(error, SERVER_ERROR.streamNotFound)) throw error
    }
  }

  /** The durable consumers of a stream; none when the stream is gone. Rejects with a MeshError. */
  async groups(stream: string): Promise<readonly ObservedGroup[]> {
    const groups: ObservedGroup[] = []
    for (let page = 0, offset = 0; page < PAGES_MAX; page++) {
      let answer: ConsumerPage
      try {
        answer = await askJetStream(this.#session, `CONSUMER.LIST.${stream}`, { offset }, PAGE_TIMEOUT_MS)
      } catch (error) {
        if (isServerError(error, SERVER_ERROR.streamNotFound)) return []
        throw error
      }
      for (const { config, num_pending, num_ack_pending } of answer.consumers ?? []) {
        if (typeof config.durable_name !== 'string') continue
        groups.push({ name: config.durable_name, undelivered: num_pending + num_ack_pending })
      }
      offset += answer.consumers?.length ?? 0
      if ((answer.consumers?.length ?? 0) === 0 || offset >= answer.total) return groups
    }
    return groups
  }

  /**
   * Calls `listener` with the name of each stream that is created, changed or deleted, by whomever, and which it was. The server's notices
   * are not stored: whoever must know looks by himself now and then, too.
   * @returns ends it
   */
  watch(listener: (stream: string, action: StreamAction) => void): () => void {
    const stops = STREAM_ACTIONS.map((action) =>
      this.#follow(`STREAM.${action}.*`, ([stream]) => {
        if (stream !== undefined) listener(stream, action)
      }),
    )
    return () => {
      for (const stop of stops) stop()
    }
  }

  /**
   * Calls `listener` for each group whose consumer is deleted, by whomever; as little stored as the notices above. What
   * readers of the moment leave behind is no group.
   * @returns ends it
   */
  watchDeletedGroups(listener: (stream: string, group: string) => void): () => void {
    return this.#follow('CONSUMER.DELETED.*.*', ([stream, consumer]) => {
      if (stream !== undefined && consumer !== undefined && !isReader(consumer)) listener(stream, consumer)
    })
  }

  #follow(subject: string, listener: (names: readonly string[]) => void): () => void {
    return followNotices(this.#session, subject, (names) => {
      try {
        listener(names)
      } catch (thrown) {
        this.#log.error({ error: String(thrown) }, 'a listener of the notices failed')
      }
    })
  }

  #write(verb: 'CREATE' | 'UPDATE', name: string, config: unknown): Promise<StreamInfo> {
    return askJetStream(this.#session, `STREAM.${verb}.${name}`, config, WRITE_TIMEOUT_MS)
  }
}

type StreamPage = {
  readonly total: number
  readonly streams?: readonly StreamInfo[]
  readonly missing?: readonly string[]
}

type ConsumerPage = {
  readonly total: number
  readonly consumers?: readonly {
    readonly config: { readonly durable_name?: unknown }
    readonly num_pending: number
    readonly num_ack_pending: number
  }[]
}

function observedOf({ config, created, state }: StreamInfo): ObservedStream {
  const shape = shapeOfConfig(config)
  return {
    shape,
    topic: shape.metadata[STREAM_METADATA.topic],
    created,
    messages: state.messages,
    bytes: state.bytes,
    consumers: state.consumer_count,
    config,
  }
}

/** True when another try cannot help: the server refuses what was asked for. */
export function isRefusal(error: MeshError): boolean {
  return error.code === 'invalid_argument' || error.code === 'failed_precondition'
}
