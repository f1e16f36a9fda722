import { MeshError, PUBLISH_EVENTS_MAX, parseTopicName } from '@landbridge/core'
import { EventService, grpcMethods, type PublishResponse, rawCodec } from '@landbridge/proto'
import { isRetryable, PublishFailure, type PublishOutcome, withAmbiguity } from '../errors.ts'
import type { CallOptions, Scope } from '../scope.ts'
import type { Link } from '../transport/link.ts'
import { retry } from '../transport/retry.ts'
import type { Transport } from '../transport/transport.ts'
import { encodePublishRequest } from './frames.ts'
import { AttemptHistory } from './history.ts'
import { errorOfEvent, type Receipt, receiptOf } from './receipt.ts'

const method = { ...grpcMethods(EventService).publish, requestSerialize: rawCodec.serialize }

/** One request holds at most so many bytes of events, unless one event is larger: well below the gateway's bound. */
const REQUEST_BYTES_MAX = 4 * 1024 * 1024

/**
 * Publishes encoded events of one topic; one receipt an event, in order.
 *
 * 1. Every attempt has the same events, with what must be told about the ones before.
 * 2. Events that were not acknowledged are sent again together, in order.
 * @throws PublishFailure when any was not acknowledged; MeshError when nothing was tried.
 */
export async function publish(
  transport: Transport,
  topic: string,
  events: readonly Uint8Array[],
  options: CallOptions,
): Promise<Receipt[]> {
  const name = parseTopicName(topic)
  if (name.error !== undefined) throw name.error
  if (events.length === 0) return []
  using scope = transport.scope(`publish ${topic}`, options)
  const outcomes: PublishOutcome<Receipt>[] = []
  for (const part of partsOf(events)) {
    const done = await new Publication(transport, scope, topic, part).run()
    outcomes.push(...done)
    // What is behind would be stored ahead of what may still be sent again.
    const failed = done.find((outcome) => outcome.error !== undefined && isRetryable(outcome.error))
    if (failed === undefined && !scope.signal.aborted) continue
    const error = withoutAmbiguity(failed?.error ?? MeshError.from(scope.signal.reason))
    while (outcomes.length < events.length) outcomes.push({ error })
  }
  const receipts: Receipt[] = []
  for (const outcome of outcomes) {
    if (outcome.error !== undefined) throw new PublishFailure(outcomes)
    receipts.push(outcome.receipt)
  }
  return receipts
}

/** The events of one request, until each has an outcome. */
class Publication {
  readonly #transport: Transport
  readonly #scope: Scope
  readonly #topic: string
  readonly #events: readonly Uint8Array[]
  readonly #outcomes: (PublishOutcome<Receipt> | undefined)[]
  readonly #ambiguous = new Set<number>()
  readonly #history = new AttemptHistory()
  /** Indexes that have no outcome. */
  #open: readonly number[]

  constructor(transport: Transport, scope: Scope, topic: string, events: readonly Uint8Array[]) {
    this.#transport = transport
    this.#scope = scope
    this.#topic = topic
    this.#events = events
    this.#outcomes = new Array(events.length).fill(undefined)
    this.#open = events.map((_, index) => index)
  }

  /** One outcome an event. Never rejects. */
  async run(): Promise<PublishOutcome<Receipt>[]> {
    let failure: MeshError | undefined
    try {
      await retry(this.#transport, this.#scope, (link, timeoutMs) => this.#attempt(link, timeoutMs))
    } catch (error) {
      failure = MeshError.from(error)
    }
    return this.#outcomes.map((outcome, index) => {
      if (outcome !== undefined) return outcome
      const error = failure ?? new MeshError('internal', 'publish: ended without an outcome', { ambiguous: true })
      return { error: this.#ambiguous.has(index) ? withAmbiguity(error, true) : withoutAmbiguity(error) }
    })
  }

  async #attempt(link: Link, timeoutMs: number): Promise<void> {
    try {
      await this.#send(link, timeoutMs)
    } catch (thrown) {
      if (!this.#history.wasLate(MeshError.from(thrown))) throw thrown
      await this.#send(link, timeoutMs)
    }
  }

  async #send(link: Link, timeoutMs: number): Promise<void> {
    const open = this.#open
    const before = this.#history.begin(link)
    const request = encodePublishRequest({
      topic: this.#topic,
      events: open.map((index) => this.#events[index] as Uint8Array),
      retry: before,
      sentMs: this.#history.sentMs,
    })
    const call = { what: this.#scope.what, timeoutMs, signal: this.#scope.signal }
    let response: PublishResponse
    try {
      response = await this.#transport.unary(link, method, request, call)
    } catch (thrown) {
      const error = this.#scope.signal.aborted ? withAmbiguity(MeshError.from(thrown), true) : failureOf(thrown)
      if (error.ambiguous) {
        this.#history.note()
        for (const index of open) this.#ambiguous.add(index)
      }
      throw error
    }
    link.clock.learnFrom(response.regionTime)
    this.#take(response, link)
  }

  /** Takes the results over. @throws MeshError of the first event that is worth another attempt. */
  #take({ results }: PublishResponse, link: Link): void {
    const open = this.#open
    const again: number[] = []
    let first: MeshError | undefined
    for (const [place, index] of open.entries()) {
      const outcome = results[place]?.outcome
      if (outcome?.case === 'receipt') {
        this.#outcomes[index] = { receipt: receiptOf(outcome.value) }
        continue
      }
      const error = outcome?.case === 'error' ? errorOfEvent(outcome.value) : MISSING
      if (error.ambiguous) this.#ambiguous.add(index)
      if (this.#transport.isFinal(error, link)) {
        this.#outcomes[index] = { error: withAmbiguity(error, this.#ambiguous.has(index)) }
        continue
      }
      first ??= error
      again.push(index)
    }
    this.#open = again
    if (first === undefined) return
    if (again.some((index) => this.#ambiguous.has(index))) this.#history.note()
    throw first
  }
}

const MISSING = new MeshError('internal', 'publish: the gateway gave no result for an event', { ambiguous: true })

function* partsOf(events: readonly Uint8Array[]): Generator<readonly Uint8Array[]> {
  let begin = 0
  let bytes = 0
  for (const [index, event] of events.entries()) {
    const full = index - begin === PUBLISH_EVENTS_MAX || bytes + event.length > REQUEST_BYTES_MAX
    if (full && index > begin) {
      yield events.slice(begin, index)
      begin = index
      bytes = 0
    }
    bytes += event.length
  }
  yield events.slice(begin)
}

/** A gateway that names the time until the next attempt has tried nothing: the call failed as a whole, by its promise. */
function failureOf(thrown: unknown): MeshError {
  const error = MeshError.from(thrown)
  const turnedAway = error.code === 'unavailable' || error.code === 'resource_exhausted'
  return turnedAway && error.retryAfterMs !== undefined ? withoutAmbiguity(error) : error
}

function withoutAmbiguity(error: MeshError): MeshError {
  if (!error.ambiguous) return error
  return new MeshError(error.code, error.message, { cause: error, retryAfterMs: error.retryAfterMs })
}
