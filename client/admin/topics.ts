import { create } from '@bufbuild/protobuf'
import { durationMs } from '@bufbuild/protobuf/wkt'
import { MeshError } from '@landbridge/core'
import {
  EventService,
  GetTopicRequestSchema,
  grpcMethods,
  ListTopicsRequestSchema,
  type Topic,
} from '@landbridge/proto'
import type { CallOptions } from '../scope.ts'
import type { ClientMethod } from '../transport/link.ts'
import { retry } from '../transport/retry.ts'
import type { Transport } from '../transport/transport.ts'

const methods = grpcMethods(EventService)
const PAGE_SIZE = 500

/** A topic, and what the region that answers holds of it. */
export type TopicInfo = {
  /** "<tenant>/<topic>". */
  readonly name: string
  readonly partitions: number
  /** Largest event, in bytes as sent. */
  readonly maxEventBytes: number
  /** Repeats of an event are dropped within this time. */
  readonly duplicateWindowMs: number
  /** When old events leave; undefined for no limit of that kind. */
  readonly retention: {
    readonly ageMs: number | undefined
    readonly bytes: number | undefined
    readonly events: number | undefined
  }
  /** Regions that hold it; empty for all. */
  readonly regions: readonly string[]
  readonly owner: string
  readonly description: string
  /** Events in the region's stream, of all origins. */
  readonly eventCount: number
  readonly bytes: number
  /** Lowest sequence still kept; 0 when empty. */
  readonly firstSequence: number
  /** Highest sequence given. */
  readonly lastSequence: number
}

/** Which topics, and where to ask. */
export type TopicOptions = CallOptions & {
  /** Address of an endpoint of this client, or the region of some. Default: the first that answers. */
  readonly endpoint?: string | undefined
}

/** Topics, as a region knows them. */
export class Topics {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** One topic. @throws MeshError 'not_found' or 'permission_denied'. */
  async get(name: string, options: TopicOptions = {}): Promise<TopicInfo> {
    const request = create(GetTopicRequestSchema, { topic: name })
    const { topic } = await this.#call(`get topic ${name}`, methods.getTopic, request, options)
    if (topic === undefined) throw new MeshError('internal', `get topic ${name}: the answer is empty, wanted a topic`)
    return infoOf(topic)
  }

  /** The topics that the caller may publish or subscribe to, by name; of one tenant, or of all. */
  async list(options: TopicOptions & { readonly tenant?: string | undefined } = {}): Promise<TopicInfo[]> {
    const topics: TopicInfo[] = []
    let pageToken = ''
    do {
      const request = create(ListTopicsRequestSchema, { tenant: options.tenant ?? '', pageSize: PAGE_SIZE, pageToken })
      const page = await this.#call('list topics', methods.listTopics, request, options)
      topics.push(...page.topics.map(infoOf))
      // A token that stays the same would go on for ever.
      if (page.nextPageToken === pageToken) break
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    return topics
  }

  async #call<Request, Response>(
    what: string,
    method: ClientMethod<Request, Response>,
    request: Request,
    options: TopicOptions,
  ): Promise<Response> {
    const links = options.endpoint === undefined ? this.#transport.links : this.#transport.linksOf(options.endpoint)
    using scope = this.#transport.scope(what, options)
    const call = { what, signal: scope.signal }
    return await retry(
      this.#transport,
      scope,
      (link, timeoutMs) => this.#transport.unary(link, method, request, { ...call, timeoutMs }),
      links,
    )
  }
}

function infoOf(topic: Topic): TopicInfo {
  const { duplicateWindow, retentionAge } = topic
  return {
    name: topic.name,
    partitions: topic.partitions,
    maxEventBytes: Number(topic.maxEventBytes),
    duplicateWindowMs: duplicateWindow === undefined ? 0 : durationMs(duplicateWindow),
    retention: {
      ageMs: retentionAge === undefined ? undefined : durationMs(retentionAge),
      bytes: limit(topic.retentionBytes),
      events: limit(topic.retentionEvents),
    },
    regions: topic.regions,
    owner: topic.owner,
    description: topic.description,
    eventCount: Number(topic.eventCount),
    bytes: Number(topic.bytes),
    firstSequence: Number(topic.firstSequence),
    lastSequence: Number(topic.lastSequence),
  }
}

function limit(value: bigint): number | undefined {
  return value === 0n ? undefined : Number(value)
}
