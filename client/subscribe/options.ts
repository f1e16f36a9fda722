import { MeshError, parseTopicName } from '@landbridge/core'

/**
 * Where to begin: with events stored from now on, with the oldest that is kept, with the first stored at a time or
 * later, or with a sequence of the stream of the region that answers first.
 */
export type StartFrom = 'latest' | 'earliest' | Date | { readonly sequence: number }

/** How to subscribe. */
export type SubscribeOptions = {
  /**
   * Subscribers of one group share the events and settle each: 1 to 64 letters, digits, "-" or "_". Default: none, a
   * reader of its own that sees every event and settles nothing.
   */
  readonly group?: string | undefined
  /** Where a reader, or a new group, begins; an existing group goes on where it is. Default 'latest'. */
  readonly from?: StartFrom | undefined
  /**
   * Events that may be delivered ahead of the caller, 1 to 100,000. Default 1,000. Of a group, an event counts until it is
   * settled or `ackWaitMs` have passed: a caller that settles so many together needs at least that credit.
   */
  readonly credit?: number | undefined
  /** Bytes of events that may be delivered ahead, counted in the same way, 1 to 256 MiB; one event may exceed it. Default 32 MiB. */
  readonly creditBytes?: number | undefined
  /** How long a new group waits for a settlement before it delivers an event again, 1,000 ms to 12 h; an existing group keeps its own. Default 30,000 for a new group. */
  readonly ackWaitMs?: number | undefined
  /** How far a reader goes back behind its last event when it goes on in a region that it did not read before, ms. Default 30,000. */
  readonly overlapMs?: number | undefined
  /** Ends the subscription, as `close` does. Default: none. */
  readonly signal?: AbortSignal | undefined
}

/** Checked options with every default in place. */
export type SubscribeSettings = {
  readonly topic: string
  /** '' for a reader. */
  readonly group: string
  readonly from: StartFrom
  readonly credit: number
  readonly creditBytes: number
  /** Undefined: the group's own. */
  readonly ackWaitMs: number | undefined
  readonly overlapMs: number
}

const GROUP = /^[A-Za-z0-9_-]{1,64}$/
const CREDIT_MAX = 100_000
const CREDIT_BYTES_MAX = 256 * 1024 * 1024
const ACK_WAIT_MAX_MS = 12 * 3_600_000
const OVERLAP_MAX_MS = 7 * 24 * 3_600_000

/** Fills in defaults. @throws MeshError 'invalid_argument'. */
export function subscribeSettings(topic: string, options: SubscribeOptions): SubscribeSettings {
  const name = parseTopicName(topic)
  if (name.error !== undefined) throw name.error
  const { group = '', from = 'latest' } = options
  const { credit = 1_000, creditBytes = 32 * 1024 * 1024, ackWaitMs, overlapMs = 30_000 } = options
  if (options.group !== undefined && !GROUP.test(group)) {
    throw refusal('group is malformed, wanted 1 to 64 letters, digits, "-" or "_"')
  }
  checkFrom(from)
  checkRange('credit', credit, 1, CREDIT_MAX)
  checkRange('creditBytes', creditBytes, 1, CREDIT_BYTES_MAX)
  if (ackWaitMs !== undefined) checkRange('ackWaitMs', ackWaitMs, 1_000, ACK_WAIT_MAX_MS)
  checkRange('overlapMs', overlapMs, 0, OVERLAP_MAX_MS)
  return { topic, group, from, credit, creditBytes, ackWaitMs, overlapMs }
}

function checkFrom(from: StartFrom): void {
  if (from === 'latest' || from === 'earliest') return
  if (from instanceof Date) {
    if (!(from.getTime() >= 0)) throw refusal('from is no date since 1970, wanted one')
    return
  }
  checkRange('from.sequence', from.sequence, 0, Number.MAX_SAFE_INTEGER)
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw refusal(`${name} is ${value}, wanted a whole number from ${min} to ${max}`)
}

function refusal(text: string): MeshError {
  return new MeshError('invalid_argument', `subscribe: ${text}`)
}
