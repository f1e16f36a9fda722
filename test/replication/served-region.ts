import { create } from '@bufbuild/protobuf'
import {
  type ConfigSnapshot,
  EMPTY_SNAPSHOT,
  encodeControl,
  encodeHeaders,
  eventSubject,
  type LocalPlace,
  MeshError,
  messageId,
  originFilter,
  type Position,
  parseDocuments,
  parseHeaders,
  parseSubject,
  partitionOf,
  type RawRecord,
  type RegionPeerDocument,
  type RetryMark,
  readReplicateResponse,
  START,
  scanEvent,
  streamName,
  streamSubjects,
  type TopicDocument,
  unwrap,
} from '@landbridge/core'
import { BatchWriter, CheckpointBucket, KeyValue, lastRecord, type StoredMessage } from '@landbridge/nats'
import {
  CloudEventSchema,
  type Holding,
  type MatchResponse,
  MatchResult,
  messageCodec,
  type PullHead,
  type PullRefused,
  type ReplicateRequest,
  ReplicateRequestSchema,
  type ReplicateResponse,
} from '@landbridge/proto'
import type { LinkStream, PullListener } from '../../gateway/replicate/link/link-stream.ts'
import { matchRequest, type OpenRequest, openRequest } from '../../gateway/replicate/link/requests.ts'
import { ReplicationMetrics } from '../../gateway/replicate/metrics.ts'
import { HoldingsFeed } from '../../gateway/replicate/serve/holdings-feed.ts'
import { OwnHeads } from '../../gateway/replicate/serve/own-heads.ts'
import { OwnTails } from '../../gateway/replicate/serve/own-tails.ts'
import { PeerPositions } from '../../gateway/replicate/serve/peer-positions.ts'
import { ServedStream } from '../../gateway/replicate/serve/served-stream.ts'
import { Metrics, silentLog } from '../../gateway/telemetry/index.ts'
import type { TopicEntry } from '../../gateway/topics.ts'
import { type NatsRegion, readAll, startRegion } from '../nats/fixtures.ts'
import { decodeEvent, encodeEvent, type TestEvent } from './events.ts'

export const TOPIC = { tenant: 'acme', topic: 'orders' }
export const TOPIC_KEY = 'acme/orders'
const STREAM = streamName(TOPIC)
const PARTITIONS = 4

/** A region's serving side upon a NATS server of its own, in this process and without gRPC. */
export class ServedRegion implements AsyncDisposable {
  readonly name: string
  readonly nats: NatsRegion
  readonly #writer: BatchWriter
  readonly #context: ConstructorParameters<typeof ServedStream>[0]
  readonly #links = new Map<string, TestPeer>()
  /** Where other origins' events are asked for when their own link is down. */
  readonly upstreams = new Map<string, string>()
  #next = 1

  private constructor(name: string, nats: NatsRegion, context: Omit<ServedRegion['context'], 'links'>) {
    this.name = name
    this.nats = nats
    this.#writer = new BatchWriter({ session: nats.session, stream: STREAM })
    const links = {
      stream: (region: string) => this.#links.get(region) as unknown as LinkStream | undefined,
      upstreamOf: (_: string, origin: string) => this.upstreams.get(origin),
    }
    this.#context = { ...context, links }
  }

  get context(): ConstructorParameters<typeof ServedStream>[0] {
    return this.#context
  }

  /** @param spec further fields of the topic's spec, as YAML in braces */
  static async start(name: string, peers: readonly string[], spec = '{}'): Promise<ServedRegion> {
    const nats = await startRegion()
    await nats.makeStream(STREAM, { subjects: streamSubjects(TOPIC) })
    const { session } = nats
    const snapshot = snapshotOf(peers, spec)
    const entry = { key: TOPIC_KEY, stream: STREAM, document: snapshot.topics.get(TOPIC_KEY) } as TopicEntry
    const now = Date.now
    const log = silentLog()
    const tails = await OwnTails.open({ session, replicas: 1, log, now })
    await KeyValue.open(session, 'lb-checkpoint', 1)
    const registry = {
      snapshot,
      get: (key: string) => (key === TOPIC_KEY ? entry : undefined),
      onChange: () => () => undefined,
    }
    return new ServedRegion(name, nats, {
      region: name,
      mesh: 'test',
      ownId: () => `spiffe://test/region/${name}`,
      trust: { isOwn: () => true, isOf: () => true },
      session,
      registry,
      checkpoints: await CheckpointBucket.open({ session, replicas: 1 }),
      heads: new OwnHeads(session, name, tails, now),
      positions: new PeerPositions(),
      holdings: new HoldingsFeed(session, { entries: () => [entry].values() }, log),
      log,
      metrics: new ReplicationMetrics(new Metrics(100)),
      now,
    })
  }

  /** A stream of `peer` to this region. */
  peer(peer: string): TestPeer {
    return new TestPeer(this.#context, peer)
  }

  /** This region can ask `other` from now on. */
  link(other: ServedRegion): void {
    this.#links.set(other.name, other.peer(this.name))
  }

  cut(other: ServedRegion): void {
    this.#links.get(other.name)?.end()
    this.#links.delete(other.name)
  }

  /** Stores new own events. */
  async publish(count: number, options: StoreOptions = {}): Promise<readonly RawRecord[]> {
    const events = Array.from({ length: count }, () => {
      const number = this.#next++
      return { source: `/${this.name}`, id: String(number), key: `k${number % 3}`, counter: number }
    })
    await this.store(events, options)
    return (await this.own()).slice(-count)
  }

  /** Stores own events as given, singly. */
  async store(events: readonly TestEvent[], { mark, classification }: StoreOptions = {}): Promise<void> {
    for (const event of events) {
      const payload = Buffer.concat([encodeEvent(event), classified(classification)])
      const partition = partitionOf(unwrap(scanEvent(payload)), PARTITIONS)
      const subject = eventSubject(TOPIC, this.name, partition, mark !== undefined)
      const headers = encodeHeaders({ messageId: messageId(event), origin: undefined, mark })
      await this.#put(subject, headers, payload)
    }
  }

  /** This region's own events, in order, as it would serve them. */
  async own(): Promise<readonly RawRecord[]> {
    let prev = START
    return (await this.#recordsOf(this.name)).flatMap((message) => {
      const subject = unwrap(parseSubject(message.subject))
      if (subject.control) return []
      const { mark } = unwrap(parseHeaders((name) => message.header(name)))
      const position = { sequence: message.sequence, stamp: message.stampNs }
      const record = { position, prev, partition: subject.partition ?? 0, mark, event: message.payload }
      prev = position
      return [record]
    })
  }

  /** Stores another region's records as its applier would; those it leaves out are holes. */
  async apply(origin: string, records: readonly RawRecord[]): Promise<void> {
    for (const { position, prev, partition, mark, event } of records) {
      const scanned = unwrap(scanEvent(Buffer.from(event)))
      const headers = encodeHeaders({ messageId: messageId(scanned), origin: { position, prev }, mark })
      await this.#put(eventSubject(TOPIC, origin, partition, mark !== undefined), headers, event)
    }
  }

  /** Stores a control record; resolves with its place. */
  async control(subject: string, record: Parameters<typeof encodeControl>[0]): Promise<LocalPlace> {
    await this.#put(subject, encodeControl(record), new Uint8Array(0))
    const last = await lastRecord(this.nats.session, STREAM, subject)
    return { sequence: last?.sequence ?? 0, stamp: last?.stampNs ?? 0n }
  }

  /** Where a record of the stream with this source and id lies. */
  async sequenceOf({ source, id }: Pick<TestEvent, 'source' | 'id'>): Promise<number> {
    const all = await readAll(this.nats.session, STREAM)
    const found = all.find(({ payload }) => {
      const event = payload.length === 0 ? undefined : decodeEvent(payload)
      return event?.source === source && event.id === id
    })
    return found?.sequence ?? 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const link of this.#links.values()) link.end()
    this.#context.holdings.close()
    await this.#writer.close()
    await this.nats[Symbol.asyncDispose]()
  }

  async #recordsOf(origin: string): Promise<readonly StoredMessage[]> {
    const prefix = originFilter(TOPIC, origin).slice(0, -1)
    return (await readAll(this.nats.session, STREAM)).filter(({ subject }) => subject.startsWith(prefix))
  }

  async #put(subject: string, headers: string, payload: Uint8Array): Promise<void> {
    const [result] = await this.#writer.store([{ subject, headers, payload, messageId: '' }])
    if (result?.kind !== 'stored') throw new Error(`store ${subject}: ${result?.kind}`)
  }
}

/** How own events are stored. */
type StoreOptions = { readonly mark?: RetryMark; readonly classification?: string }

/** What is appended to an event to give it a classification. */
function classified(classification: string | undefined): Buffer {
  if (classification === undefined) return Buffer.alloc(0)
  const value = { attr: { case: 'ceString' as const, value: classification } }
  return messageCodec(CloudEventSchema).serialize(
    create(CloudEventSchema, { attributes: { dataclassification: value } }),
  )
}

function snapshotOf(peers: readonly string[], spec: string): ConfigSnapshot {
  const text = [
    `apiVersion: landbridge.dev/v1alpha1\nkind: Topic\nmetadata: { namespace: acme, name: orders }\nspec: ${spec}\n`,
    ...peers.map(
      (name) =>
        `apiVersion: landbridge.dev/v1alpha1\nkind: RegionPeer\nmetadata: { name: ${name} }\nspec: { endpoints: ["localhost:1"] }\n`,
    ),
  ].join('---\n')
  const documents = unwrap(parseDocuments(text))
  return {
    ...EMPTY_SNAPSHOT,
    topics: new Map(documents.flatMap((document) => (isTopic(document) ? [[TOPIC_KEY, document] as const] : []))),
    peers: new Map(documents.flatMap((document) => (isPeer(document) ? [[document.region, document] as const] : []))),
  }
}

const isTopic = (document: { readonly kind: string }): document is TopicDocument => document.kind === 'Topic'
const isPeer = (document: { readonly kind: string }): document is RegionPeerDocument => document.kind === 'RegionPeer'

/** A stream of a region to a served region: what a `LinkStream` is over gRPC. */
export class TestPeer {
  readonly name: string
  readonly holdings: Holding[][] = []
  readonly #stream: ServedStream
  readonly #pulls = new Map<number, PullListener>()
  readonly #matches = new Map<number, (response: MatchResponse) => void>()
  readonly #pings = setInterval(() => this.#send({ case: 'ping', value: { id: 1n } }), 1_000)
  #nextId = 1
  #ended = false

  constructor(context: ConstructorParameters<typeof ServedStream>[0], name: string) {
    this.name = name
    // A response is on the way for a moment, as over a network.
    const write = (frame: Buffer) => {
      queueMicrotask(() => this.#take(frame))
      return true
    }
    this.#stream = new ServedStream(context, name, { write, end: () => this.end() })
  }

  open(request: OpenRequest, listener: PullListener) {
    const id = this.#nextId++
    this.#pulls.set(id, listener)
    this.#stream.take(openRequest(id, request))
    return {
      grant: (bytes: number) => this.#send({ case: 'credit', value: { pullId: id, bytes: BigInt(bytes) } }),
      applied: () => undefined,
      close: () => {
        this.#pulls.delete(id)
        this.#send({ case: 'close', value: { pullId: id } })
      },
    }
  }

  /** Opens a pull and collects what comes; grants as much again, unless `grants` is false. */
  pull(origin: string, options: Partial<OpenRequest> = {}, { grants = true } = {}): CollectedPull {
    return new CollectedPull(this, { topic: TOPIC_KEY, origin, position: START, creditBytes: 1e6, ...options }, grants)
  }

  async match(question: Parameters<typeof matchRequest>[1]): Promise<readonly ('present' | 'absent' | 'expired')[]> {
    const id = this.#nextId++
    const { results, reason } = await new Promise<MatchResponse>((resolve) => {
      this.#matches.set(id, resolve)
      this.#stream.take(matchRequest(id, question))
    })
    if (results.length === 0) throw new MeshError('unavailable', `match: ${reason}`)
    const words = { [MatchResult.PRESENT]: 'present', [MatchResult.ABSENT]: 'absent' } as const
    return results.map((result) => words[result as keyof typeof words] ?? 'expired')
  }

  watch(...origins: string[]): void {
    this.#send({ case: 'watch', value: { origins } })
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#pings)
    this.#stream.close()
    for (const listener of [...this.#pulls.values()]) listener.onDown('the link was cut')
    this.#pulls.clear()
  }

  #send(
    request: Parameters<typeof create<typeof ReplicateRequestSchema>>[1] extends infer Init
      ? Init extends { request?: infer Request }
        ? NonNullable<Request>
        : never
      : never,
  ): void {
    if (this.#ended) return
    const message: ReplicateRequest = create(ReplicateRequestSchema, { request })
    this.#stream.take(message)
  }

  #take(frame: Buffer): void {
    if (this.#ended) return
    const response = unwrap(readReplicateResponse(frame))
    if (response.kind === 'records') this.#pulls.get(response.pullId)?.onRecords(response.records)
    else this.#takeMessage(response.message)
  }

  #takeMessage({ response: { case: kind, value } }: ReplicateResponse): void {
    if (kind === 'head') this.#pulls.get(value.pullId)?.onHead(value)
    else if (kind === 'skipped') this.#pulls.get(value.pullId)?.onSkipped?.(value)
    else if (kind === 'refused') {
      const listener = this.#pulls.get(value.pullId)
      this.#pulls.delete(value.pullId)
      listener?.onRefused(value)
    } else if (kind === 'match') this.#matches.get(value.matchId)?.(value)
    else if (kind === 'holdings') this.holdings.push(value.holdings)
  }
}

/** What came over one pull. */
export class CollectedPull {
  readonly records: RawRecord[] = []
  readonly heads: PullHead[] = []
  readonly close: () => void
  /** Up to where was looked without finding anything. */
  skipped: Position | undefined
  refused: PullRefused | undefined
  /** Records that did not follow the one before them. */
  readonly breaks: string[] = []

  constructor(peer: TestPeer, request: OpenRequest, grants: boolean) {
    let prev = request.position
    const handle = peer.open(request, {
      onRecords: (records) => {
        for (const record of records) {
          if (record.prev.sequence !== prev.sequence || record.prev.stamp !== prev.stamp) {
            this.breaks.push(`${record.position.sequence} follows ${record.prev.sequence}, wanted ${prev.sequence}`)
          }
          prev = record.position
          this.records.push(record)
          if (grants) handle.grant(record.event.length + 100)
        }
      },
      onHead: (head) => this.heads.push(head),
      onSkipped: ({ position }) => {
        this.skipped = { sequence: Number(position?.sequence), stamp: position?.stamp ?? 0n }
      },
      onRefused: (refused) => {
        this.refused = refused
      },
      onDown: () => undefined,
    })
    this.close = () => handle.close()
  }

  /** The events that came, as "<source> <id>". */
  get events(): readonly string[] {
    return this.records.map(({ event }) => {
      const { source, id } = decodeEvent(event)
      return `${source} ${id}`
    })
  }

  /** Origin sequences. */
  get sequences(): readonly number[] {
    return this.records.map(({ position }) => position.sequence)
  }
}
