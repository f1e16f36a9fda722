/**
 * The only door to NATS. The shapes below are fixed; their bodies arrive file by file.
 */
import type { Checkpoint, ConfigSnapshot, MeshDocument, MeshError, TopicName } from '@landbridge/core'
import type { NatsConnection } from '@nats-io/nats-core'

/** Where this package reports what an operator should know. A pino logger fits. */
export type Log = {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

export type NatsSessionOptions = {
  /** `host:port` or `nats://` / `tls://` URLs; at least one. */
  readonly servers: readonly string[]
  /** Shown in the server's connection list. */
  readonly name: string
  /** JetStream domain of the region, when the servers have one. */
  readonly domain?: string | undefined
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string } | undefined
  /** A NATS `.creds` file's path. */
  readonly credentialsFile?: string | undefined
  /** How long connect() keeps trying before it fails, in ms. Default 30,000. */
  readonly connectTimeoutMs?: number
  readonly signal?: AbortSignal
  readonly log?: Log
}

/** What changed: the connection went away or came back; `epoch` has already grown. */
export type SessionChange = { readonly connected: boolean; readonly epoch: number }

export declare class NatsSession implements AsyncDisposable {
  static connect(options: NatsSessionOptions): Promise<NatsSession>
  readonly connection: NatsConnection
  readonly domain: string | undefined
  /** Grows at every disconnect and at every reconnect; work begun under another epoch is abandoned (RULES.md 6). */
  get epoch(): number
  get connected(): boolean
  /** The id of the server process this session speaks to; changes when that server restarts. */
  get serverId(): string
  get serverVersion(): string
  /** Largest message (headers + payload) the server takes, in bytes. */
  get maxPayloadBytes(): number
  /** Calls `listener` after every change until the returned function is called. */
  onChange(listener: (change: SessionChange) => void): () => void
  /** Resolves when connected; rejects when `signal` aborts or the session closes. */
  whenConnected(signal: AbortSignal): Promise<void>
  drain(): Promise<void>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export type StoreRequest = {
  readonly subject: string
  /** An encoded "NATS/1.0\r\n...\r\n\r\n" block, or '' for none but the message id. */
  readonly headers: string
  readonly payload: Uint8Array
  /** Becomes Nats-Msg-Id, unless it is ''. Must not be repeated inside `headers`. */
  readonly messageId: string
}

export type StoreResult =
  /** `sequence` 0: stored, the server did not tell where. */
  | { readonly kind: 'stored'; readonly sequence: number }
  | { readonly kind: 'duplicate'; readonly sequence: number }
  /** `error.ambiguous`: it may have been stored all the same. */
  | { readonly kind: 'failed'; readonly error: MeshError }

export type WriteMode = 'atomic' | 'fast' | 'single'

export type BatchWriterOptions = {
  readonly session: NatsSession
  readonly stream: string
  /** 'atomic' for R1 streams, 'fast' for R3; an old server makes either 'single', with one warning. */
  readonly mode: WriteMode
  /** Requests accepted and not answered, default 16,384. store() beyond it fails with resource_exhausted. */
  readonly messagesInFlightMax?: number
  /** Their bytes, default 64 MiB. */
  readonly bytesInFlightMax?: number
  /** From store() to the answer at the latest, in ms; default 5,000. */
  readonly timeoutMs?: number
  readonly log?: Log
}

export declare class BatchWriter implements AsyncDisposable {
  constructor(options: BatchWriterOptions)
  /** What it does in fact, after looking at the server's version. */
  get mode(): WriteMode
  /** One result a request, in the order of the requests. Never rejects. */
  store(requests: readonly StoreRequest[]): Promise<readonly StoreResult[]>
  get pressure(): { readonly messages: number; readonly bytes: number }
  /** Resolves when there is room; rejects when `signal` aborts. */
  ready(signal: AbortSignal): Promise<void>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export type ApplyResult =
  | { readonly kind: 'stored'; readonly lastSequence: number }
  /** The filter's last sequence was another one: nothing stored. */
  | { readonly kind: 'fenced' }
  /** A message id of the batch was known already: nothing of this batch stored. */
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'failed'; readonly error: MeshError }

export declare function applyFenced(options: {
  readonly session: NatsSession
  readonly stream: string
  readonly mode: WriteMode
  /** 1 to 1,000. */
  readonly requests: readonly StoreRequest[]
  readonly fence: { readonly filter: string; readonly sequence: number }
  /** Default 5,000, at most BATCH_LIFE_MS. */
  readonly timeoutMs?: number
}): Promise<ApplyResult>

export type StoredMessage = {
  readonly subject: string
  readonly sequence: number
  /** The server's stored time, ns since 1970. */
  readonly stampNs: bigint
  /** Empty when the reader asked for headers only. */
  readonly payload: Uint8Array
  /** Messages matching the filters behind this one, as of delivery. 0 for single reads. */
  readonly pending: number
  /** A header's value; names are compared as written. */
  header(name: string): string | undefined
}

export type ReadStart = { readonly sequence: number } | { readonly timeMs: number } | 'new' | 'all'

export type StreamReaderOptions = {
  readonly session: NatsSession
  readonly stream: string
  readonly filters: readonly string[]
  readonly start: ReadStart
  readonly headersOnly?: boolean
  /** Called in stream order, never twice for a sequence. An exception closes the reader with onEnd(error). */
  onMessage(message: StoredMessage): void
  /** Called once when the reader can go no further: closed (undefined), or stream deleted or recreated (an error). */
  onEnd?(error: MeshError | undefined): void
  /** Called when the reader has seen all there is for now (pending 0). */
  onCaughtUp?(): void
  /** Messages asked for ahead, default 1,000. */
  readonly windowMessages?: number
  /** Bytes asked for ahead, default 4 MiB. */
  readonly windowBytes?: number
  readonly log?: Log
}

export declare class StreamReader implements AsyncDisposable {
  constructor(options: StreamReaderOptions)
  /** The sequence of the last message given to onMessage; before the first, one below the start. */
  get position(): number
  get paused(): boolean
  /** No onMessage is called after this until resume(); at most one window stays buffered. */
  pause(): void
  resume(): void
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Names one delivery; valid until settled, released, or ack wait has passed. */
export type DeliveryHandle = { readonly reply: string; readonly epoch: number }

export type GroupMessage = StoredMessage & { readonly handle: DeliveryHandle; readonly deliveries: number }

export type GroupReaderOptions = {
  readonly session: NatsSession
  readonly stream: string
  /** The group's durable consumer; made when missing. Letters, digits, '-' and '_'. */
  readonly group: string
  readonly filters: readonly string[]
  /** Where a new group begins; ignored when the group is there already. Default 'new'. */
  readonly start?: ReadStart
  /** Default 30,000. */
  readonly ackWaitMs?: number
  /** Deliveries given out to all members and not settled, default 10,000. */
  readonly unsettledMax?: number
  onMessage(message: GroupMessage): void
  onEnd?(error: MeshError | undefined): void
  readonly windowMessages?: number
  readonly windowBytes?: number
  readonly log?: Log
}

export declare class GroupReader implements AsyncDisposable {
  constructor(options: GroupReaderOptions)
  get unsettled(): number
  pause(): void
  resume(): void
  /** Confirms: resolves when the server has processed every ack; rejects with an ambiguous MeshError otherwise. */
  settle(handles: readonly DeliveryHandle[]): Promise<void>
  /** Redelivers after `delayMs` (0: at once). */
  nack(handle: DeliveryHandle, delayMs: number): void
  /** Never redelivers. */
  term(handle: DeliveryHandle, reason: string): void
  /** Starts the ack wait again. */
  inProgress(handle: DeliveryHandle): void
  /** Stops delivery and returns every unsettled message at once. */
  release(): Promise<void>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** The newest record matching `filter`, from the stream's leader. */
export declare function lastRecord(
  session: NatsSession,
  stream: string,
  filter: string,
): Promise<StoredMessage | undefined>
export declare function recordAt(
  session: NatsSession,
  stream: string,
  sequence: number,
): Promise<StoredMessage | undefined>
/** The first record at or after `sequence` matching `filter`, from the stream's leader. */
export declare function nextRecord(
  session: NatsSession,
  stream: string,
  sequence: number,
  filter: string,
): Promise<StoredMessage | undefined>

export declare class MarkedIds {
  constructor(options: { session: NatsSession; stream: string; filter: string; idsMax?: number; log?: Log })
  /** Brings the set up to the leader's end; a decision taken after it has seen everything stored before the call. */
  refresh(): Promise<void>
  has(messageId: string): boolean
  get size(): number
  /** The highest sequence the set has seen. */
  get seen(): number
}

/** Which of `ids` are stored with a stored time from `fromMs` to `untilMs` (default now). */
export declare function findCopies(options: {
  session: NatsSession
  stream: string
  filters: readonly string[]
  fromMs: number
  untilMs?: number
  ids: ReadonlySet<string>
  signal?: AbortSignal
}): Promise<ReadonlyMap<string, number>>

export declare class ConfigBucket implements AsyncDisposable {
  /** Opens `lb-config`, making it when missing. */
  static open(options: { session: NatsSession; replicas: number; log?: Log }): Promise<ConfigBucket>
  put(document: MeshDocument): Promise<{ readonly revision: number; readonly changed: boolean }>
  delete(key: string): Promise<boolean>
  all(): Promise<ReadonlyMap<string, string>>
  /** Calls with the whole configuration first, then at every change; a broken entry keeps its last good value. */
  watch(listener: (snapshot: ConfigSnapshot) => void): Promise<() => Promise<void>>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export declare class CheckpointBucket {
  /** Opens `lb-checkpoint`, making it when missing. */
  static open(options: { session: NatsSession; replicas: number }): Promise<CheckpointBucket>
  get(topic: TopicName, origin: string): Promise<Checkpoint | undefined>
  put(topic: TopicName, origin: string, checkpoint: Checkpoint): Promise<void>
}

export type ApplyOutcome = {
  readonly kind: MeshDocument['kind']
  /** 'acme/orders' for topics and policies (tenant/name), the region's name for peers. */
  readonly name: string
  readonly action: 'created' | 'updated' | 'unchanged' | 'failed'
  readonly changes: readonly string[]
  readonly error?: MeshError
}

export declare function applyDocument(
  context: { session: NatsSession; config: ConfigBucket; region: { name: string; replicasDefault: number } },
  document: MeshDocument,
  options: { dryRun: boolean },
): Promise<ApplyOutcome>

export type StreamStatus = {
  readonly messages: number
  readonly bytes: number
  readonly firstSequence: number
  readonly lastSequence: number
  readonly lastTimeMs: number | undefined
  /** The incarnation: another text after the stream was recreated. */
  readonly created: string
  readonly replicas: number
  readonly leader: string | undefined
}
export declare function streamStatus(session: NatsSession, stream: string): Promise<StreamStatus | undefined>
