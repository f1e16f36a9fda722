import { setTimeout as sleep } from 'node:timers/promises'
import { type EventInput, type Mesh, MeshError, PublishFailure, type PublishOutcome } from '@landbridge/client'
import { type History, isPrivate, SECRET, SIZE_ATTRIBUTE } from '../history/history.ts'
import type { PublisherHistory } from '../history/publisher-history.ts'
import type { JsonLines } from '../history/spill.ts'
import type { GapMeter } from './gap.ts'
import { type LargeEvents, LargeTurns } from './large.ts'

/** How a publisher publishes: calls of several events of one key, or a stream with one event of a key at a time. */
export type PublishStyle = 'unary' | 'stream'

export type PublisherOptions = {
  /** Its place in the history. */
  readonly index: number
  readonly history: History
  readonly mesh: Mesh
  readonly style: PublishStyle
  /** Events a second, at most. */
  readonly rate: number
  /** Undefined: none is large. */
  readonly large: LargeEvents | undefined
  readonly gap: GapMeter
  readonly spill: JsonLines
  /** Milliseconds since the run began. */
  readonly now: () => number
}

/** What a publish told of one event. */
type Receipt = { readonly region: string; readonly regions?: readonly string[]; readonly degraded?: boolean }

const LANES = 6
const KEYS_PER_LANE = 40
/** A lane that is so far behind its pace starts anew instead of catching up. */
const BEHIND_MS_MAX = 1_000
const PAYLOAD_BYTES = 160

/**
 * Publishes at a steady pace until it is stopped and records every outcome. Each key belongs to one lane, and a lane has
 * one request under way, so that the events of a key are published in the order of their numbers.
 */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #events: PublisherHistory
  readonly #large: LargeTurns | undefined
  #unexpected: string | undefined

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#large = options.large === undefined ? undefined : new LargeTurns(options.large)
    const events = options.history.publishers[options.index]
    if (events === undefined) throw new RangeError(`publisher ${options.index}: is not in the history`)
    this.#events = events
  }

  /** An error that is not of the mesh's kinds; undefined when all was well. */
  get unexpected(): string | undefined {
    return this.#unexpected
  }

  /** Publishes until the signal aborts, then waits for what is under way. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { mesh, style } = this.#options
    const { topic } = this.#events.info
    const stream = style === 'stream' ? mesh.publishStream(topic) : undefined
    const send = async (events: readonly EventInput[]): Promise<readonly PublishOutcome<Receipt>[]> => {
      if (stream === undefined) return (await mesh.publish(topic, events)).map((receipt) => ({ receipt }))
      const sent = await stream.send(events)
      const receipt = await sent.acknowledged
      return events.map(() => ({ receipt }))
    }
    await Promise.all(Array.from({ length: LANES }, (_, lane) => this.#runLane(lane, send, signal)))
    await stream?.close().catch(() => {})
  }

  async #runLane(
    lane: number,
    send: (events: readonly EventInput[]) => Promise<readonly PublishOutcome<Receipt>[]>,
    signal: AbortSignal,
  ): Promise<void> {
    const { rate, style, now } = this.#options
    const eventsPerSecond = rate / LANES
    let due = now()
    for (let turn = 0; !signal.aborted; turn++) {
      const size = style === 'stream' ? KEYS_PER_LANE : 1 + (turn % 8)
      const key = (index: number) => lane * KEYS_PER_LANE + ((style === 'stream' ? index : turn) % KEYS_PER_LANE)
      const numbers: number[] = []
      for (let index = 0; index < size; index++) {
        const number = this.#events.begin(key(index), now())
        if (number !== undefined) numbers.push(number)
      }
      if (numbers.length === 0) return
      await this.#publish(numbers, send)
      due = Math.max(due + (size * 1_000) / eventsPerSecond, now() - BEHIND_MS_MAX)
      if (due > now()) await sleep(due - now(), undefined, { signal }).catch(() => {})
    }
  }

  async #publish(
    numbers: readonly number[],
    send: (events: readonly EventInput[]) => Promise<readonly PublishOutcome<Receipt>[]>,
  ): Promise<void> {
    const { gap, now, index, spill } = this.#options
    const { source, topic } = this.#events.info
    const guarded = this.#options.history.topics.some(({ name, guarded }) => name === topic && guarded === true)
    const sentMs = now()
    gap.sent(sentMs)
    const outcomes = await send(
      numbers.map((number) => {
        const bytes = this.#large?.take(number, sentMs) ?? PAYLOAD_BYTES
        const text = 'x'.repeat(bytes)
        return {
          source,
          id: String(number),
          type: guarded && isPrivate(number) ? 'chaos.private' : 'chaos.event',
          partitionKey: `${index}-${this.#events.key(number)}`,
          extensions: { sequence: String(number), [SIZE_ATTRIBUTE]: String(bytes) },
          data: guarded ? { secret: SECRET, text } : text,
        }
      }),
    ).catch((thrown: unknown) => this.#outcomesOf(thrown, numbers.length))
    const atMs = now()
    if (outcomes.some((outcome) => outcome.error !== undefined)) gap.failed(atMs)
    else gap.acknowledged(atMs)
    for (const [place, number] of numbers.entries()) this.#record(number, outcomes[place], atMs)
    spill.write({ p: index, n: numbers, sent: Math.round(sentMs), ended: Math.round(atMs), ...inShort(outcomes) })
  }

  #record(number: number, outcome: PublishOutcome<Receipt> | undefined, atMs: number): void {
    const { history } = this.#options
    if (outcome?.receipt === undefined) {
      this.#events.failed(number, outcome?.error.ambiguous ?? true, atMs)
      return
    }
    const { region, regions = [], degraded = false } = outcome.receipt
    const holders = [region, ...regions].reduce((mask, name) => {
      const place = history.regionIndex(name)
      return place < 0 ? mask : mask | (1 << place)
    }, 0)
    this.#events.acknowledged(number, { region: history.regionIndex(region), holders, degraded, atMs })
  }

  #outcomesOf(thrown: unknown, count: number): readonly PublishOutcome<Receipt>[] {
    if (thrown instanceof PublishFailure) return thrown.outcomes as readonly PublishOutcome<Receipt>[]
    const error = thrown instanceof MeshError ? thrown : MeshError.from(thrown)
    if (!(thrown instanceof MeshError)) this.#unexpected ??= String(thrown)
    return Array.from({ length: count }, () => ({ error }))
  }
}

/** For the history file: where it was stored, or the first error. */
function inShort(outcomes: readonly PublishOutcome<Receipt>[]): Readonly<Record<string, unknown>> {
  const failed = outcomes.find((outcome) => outcome.error !== undefined)
  const regions = [...new Set(outcomes.flatMap(({ receipt }) => (receipt === undefined ? [] : [receipt.region])))]
  if (failed?.error === undefined) return { by: regions.join(',') }
  const { code, ambiguous, message } = failed.error
  return { by: regions.join(','), failed: outcomes.filter(({ error }) => error).length, code, ambiguous, message }
}
