import { setTimeout as delay } from 'node:timers/promises'
import { MeshError, type StreamShape } from '@landbridge/core'
import type { PeerFigures, TopicFigures } from './figures.ts'
import { GatewaySigns } from './gateway-signs.ts'
import { openRegion, type RegionAccess, type RegionAccessOptions } from './region-access.ts'
import type { RegionEntry } from './region-entries.ts'
import { RegionFigures } from './region-figures.ts'
import { RegionState, type SeenStream } from './region-state.ts'
import type { Following } from './sign-board.ts'

/** What a `Region` needs. */
export type RegionOptions = RegionAccessOptions & {
  /** Name of the region. */
  readonly name: string
  /** Between two looks at all streams, in ms. */
  readonly pollMs: number
  /** Between two readings of figures, in ms. Default 10 s. */
  readonly figuresMs?: number | undefined
  /** Whether this process reconciles: others need no figures. */
  readonly leading: () => boolean
  readonly onStream: (stream: string) => void
  /** The consumer of a group of subscribers was deleted. */
  readonly onGroupDeleted: (stream: string, group: string) => void
  readonly onEntry: (key: string) => void
  /** What is told here has become current. */
  readonly onCurrent: () => void
  /** A gateway came, or runs another configuration. */
  readonly onGateways: () => void
  /** Other figures are shown of a topic ("<tenant>/<topic>"), or of another region. */
  readonly onTopicFigures: (topic: string) => void
  readonly onPeerFigures: (region: string) => void
}

type Parts = {
  readonly access: RegionAccess
  readonly state: RegionState
  readonly signs: GatewaySigns
  readonly figures: RegionFigures
}

const RETRY_MS = 1_000

/**
 * The region that an operator works on. It is there from the start, also when its NATS is not: connecting goes on for
 * as long as it takes, because resources must be told so, and deletions must not wait for what is gone for good.
 */
export class Region implements AsyncDisposable {
  readonly name: string
  readonly #options: RegionOptions
  readonly #end = new AbortController()
  readonly #owned = new AsyncDisposableStack()
  readonly #opening: Promise<void>
  readonly #begun = performance.now()
  #parts: Parts | undefined
  #closing: Promise<void> | undefined

  constructor(options: RegionOptions) {
    this.name = options.name
    this.#options = options
    this.#opening = this.#open()
  }

  /** What writes to it. @throws MeshError 'unavailable' before the first connection */
  get access(): RegionAccess {
    if (this.#parts !== undefined) return this.#parts.access
    throw notReached()
  }

  get connected(): boolean {
    return this.#parts?.access.session.connected === true
  }

  /** Whether what is told here of streams and entries is current. */
  get current(): boolean {
    return this.#parts?.state.current === true
  }

  /** How long it has not been current, in ms; 0 while it is. */
  get unknownForMs(): number {
    return this.#parts === undefined ? performance.now() - this.#begun : this.#parts.state.unknownForMs
  }

  /** The stream as last seen; undefined when there is none. */
  stream(name: string): SeenStream | undefined {
    return this.#parts?.state.stream(name)
  }

  /** The stored document under a key of the configuration. */
  entry(key: string): RegionEntry | undefined {
    return this.#parts?.state.entry(key)
  }

  /** Every stored document whose key begins so. */
  entriesUnder(prefix: string): Iterable<RegionEntry> {
    return this.#parts?.state.entriesUnder(prefix) ?? []
  }

  /** Makes a stream. @throws MeshError, 'unavailable' before the first connection */
  async create(shape: StreamShape): Promise<void> {
    if (this.#parts === undefined) throw notReached()
    await this.#parts.state.create(shape)
  }

  /** Takes over what a write of our own returned, so that it need not be looked up; undefined: it was deleted. */
  learn(name: string, stream: SeenStream | undefined): void {
    this.#parts?.state.learn(name, stream)
  }

  /** The same of an entry of the configuration. */
  learnEntry(key: string, entry: RegionEntry | undefined): void {
    this.#parts?.state.learnEntry(key, entry)
  }

  /** Gateways that run at least this revision of the configuration; undefined while nobody knows. */
  following(revision: number): Following | undefined {
    return this.#parts?.signs.following(revision)
  }

  /** Whether gateways have told figures yet. */
  get figuresKnown(): boolean {
    return this.#parts?.figures.known === true
  }

  /** Of a topic ("<tenant>/<topic>"); undefined when no gateway pulls it from anywhere. */
  topicFigures(topic: string): TopicFigures | undefined {
    return this.#parts?.figures.topic(topic)
  }

  /** Of another region; undefined when no gateway knows it. */
  peerFigures(region: string): PeerFigures | undefined {
    return this.#parts?.figures.peer(region)
  }

  /** Joins a close in progress. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#end.abort()
    await this.#opening
    await this.#owned.disposeAsync()
  }

  async #open(): Promise<void> {
    const { log } = this.#options
    const { signal } = this.#end
    while (!signal.aborted) {
      try {
        this.#follow(this.#owned.use(await openRegion(this.#options, signal)))
        return
      } catch (err) {
        if (!signal.aborted) log.warn({ err }, "the region's NATS cannot be reached, it is tried again")
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  #follow(access: RegionAccess): void {
    const { replicas, log, leading, pollMs, figuresMs, onStream, onEntry, onCurrent, onGateways } = this.#options
    const { onGroupDeleted } = this.#options
    const watched = { onStream, onGroupDeleted, onEntry, onCurrent }
    const state = this.#owned.use(new RegionState({ access, log, pollMs, ...watched }))
    const signs = this.#owned.use(new GatewaySigns({ access, replicas, log, onMoved: onGateways }))
    const figures = this.#owned.use(
      new RegionFigures({
        access,
        gateways: () => signs.following(0)?.all ?? 0,
        wanted: leading,
        log,
        onTopic: this.#options.onTopicFigures,
        onPeer: this.#options.onPeerFigures,
        everyMs: figuresMs,
      }),
    )
    this.#parts = { access, state, signs, figures }
  }
}

function notReached(): MeshError {
  return new MeshError('unavailable', "region: its NATS was not reached yet, wanted the region's NATS servers")
}
