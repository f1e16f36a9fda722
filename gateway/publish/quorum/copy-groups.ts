import { originFilter, parseSubject, reportsAgree } from '@landbridge/core'
import {
  keptRecordAt,
  lastRecord,
  type NatsSession,
  recordAt,
  type StoredMessage,
  streamStatus,
} from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'
import type { AppliedPositions } from './applied-positions.ts'
import type { Claim } from './quorum.ts'

/** Events of one attempt that wait for the same thing. */
export type Group = {
  readonly claim: Omit<Claim, 'deadlineAtMs'>
  readonly indexes: readonly number[]
  /** The events lie in our own log by themselves: those in front may be held before all are. */
  readonly each: boolean
}

/** One event of an attempt, and where it is in this region's stream; 0 when that is not known. */
export type Entry = { readonly index: number; readonly sequence: number }

/** Puts events of other origins into this region's own log. `CopyAdopter` of the replication is one. */
export type Adopter = {
  adopt(
    topic: TopicEntry,
    records: readonly StoredMessage[],
  ): Promise<{ readonly sequence: number; readonly isNew: boolean }>
}

/** What the groups need. */
export type CopyGroupsOptions = {
  readonly region: string
  readonly session: NatsSession
  readonly positions: Pick<AppliedPositions, 'of'>
  readonly adopter: Adopter
}

/** Records that are looked at at a time, to find where copies came from. */
const LOOKS_MAX = 16

/**
 * What events wait for that were here before their attempt. What came from another region is put into this region's own
 * log first: nobody's position says anything of it before, and its origin may be gone, or have lost it.
 */
export class CopyGroups {
  readonly #options: CopyGroupsOptions

  constructor(options: CopyGroupsOptions) {
    this.#options = options
  }

  /** What these copies wait for. @throws MeshError */
  async groupsOf(topic: TopicEntry, copies: readonly Entry[]): Promise<readonly Promise<Group>[]> {
    const { region } = this.#options
    const records = await this.#recordsOf(topic, [...new Set(copies.map(({ sequence }) => sequence))])
    const isForeign = ({ sequence }: Entry) => {
      const record = records.get(sequence)
      return record !== undefined && parseSubject(record.subject).value?.origin !== region
    }
    const own = copies.filter((entry) => !isForeign(entry))
    const foreign = copies.filter(isForeign)
    const groups: Promise<Group>[] = []
    if (own.length > 0) groups.push(this.#ownGroup(topic, own))
    if (foreign.length > 0) groups.push(this.#foreignGroup(topic, foreign, records))
    return groups
  }

  /** The highest sequence of entries of our own log, or of the log when one of them is not known. @throws MeshError */
  async lastOf(topic: TopicEntry, entries: readonly Entry[]): Promise<number> {
    const sequences = entries.map(({ sequence }) => sequence)
    return sequences.includes(0) ? this.#ownEnd(topic) : Math.max(...sequences)
  }

  async #ownGroup(topic: TopicEntry, entries: readonly Entry[]): Promise<Group> {
    const sequence = await this.lastOf(topic, entries)
    return { claim: { sequence, begunAtMs: await this.#heardSince(topic) }, indexes: indexesOf(entries), each: true }
  }

  async #foreignGroup(
    topic: TopicEntry,
    entries: readonly Entry[],
    records: ReadonlyMap<number, StoredMessage>,
  ): Promise<Group> {
    const nowMs = performance.now()
    const sequences = new Set(entries.map(({ sequence }) => sequence))
    const copies = [...records.values()].filter((record) => sequences.has(record.sequence))
    const { sequence, isNew } = await this.#options.adopter.adopt(topic, copies)
    const begunAtMs = isNew ? nowMs : await this.#heardSince(topic)
    return { claim: { sequence, begunAtMs }, indexes: indexesOf(entries), each: false }
  }

  /** The last sequence of our own log: whatever was stored before is at or before it. */
  async #ownEnd({ document, stream }: TopicEntry): Promise<number> {
    const last = await lastRecord(this.#options.session, stream, originFilter(document.name, this.#options.region))
    return last?.sequence ?? 0
  }

  /** The records at these sequences that are still kept. @throws MeshError */
  async #recordsOf({ stream }: TopicEntry, sequences: readonly number[]): Promise<ReadonlyMap<number, StoredMessage>> {
    const found = new Map<number, StoredMessage>()
    for (let begin = 0; begin < sequences.length; begin += LOOKS_MAX) {
      const part = sequences.slice(begin, begin + LOOKS_MAX).filter((sequence) => sequence > 0)
      for (const record of await Promise.all(
        part.map((sequence) => keptRecordAt(this.#options.session, stream, sequence)),
      )) {
        if (record !== undefined) found.set(record.sequence, record)
      }
    }
    return found
  }

  /** Since when reports count for what was here before: always, if they are reports of the log as it is. */
  async #heardSince({ key, stream }: TopicEntry): Promise<number> {
    const { session, positions } = this.#options
    const reported = positions.of(key).map(({ position }) => position)
    const stamps = new Map<number, bigint>()
    for (const { sequence } of reported) {
      const record = sequence === 0 ? undefined : await recordAt(session, stream, sequence)
      if (record !== undefined) stamps.set(sequence, record.stampNs)
    }
    const isMissing = reported.some(({ sequence }) => sequence > 0 && !stamps.has(sequence))
    const first = isMissing ? ((await streamStatus(session, stream))?.firstSequence ?? 0) : 0
    const agree = reportsAgree(reported, { stampAt: (sequence) => stamps.get(sequence), first })
    return agree ? Number.NEGATIVE_INFINITY : performance.now()
  }
}

function indexesOf(entries: readonly Entry[]): readonly number[] {
  return entries.map(({ index }) => index)
}
