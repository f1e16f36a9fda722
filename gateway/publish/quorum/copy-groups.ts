import { setTimeout as delay } from 'node:timers/promises'
import { NOT_OWN, originFilter, parseSubject } from '@landbridge/core'
import { lastRecord, type NatsSession, recordAt, type StoredMessage } from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'
import type { AppliedPositions } from './applied-positions.ts'
import type { Claim } from './quorum.ts'

/** Events of one attempt that wait for the same thing. */
export type Group = { readonly claim: Omit<Claim, 'deadlineAtMs'>; readonly indexes: readonly number[] }

/** One event of an attempt, and where it is in this region's stream; 0 when that is not known. */
export type Entry = { readonly index: number; readonly sequence: number }

/** Says where the copies of an origin's records lie beside here, one answer each. `OriginCopies` of the replication is one. */
export type CopyPlaces = {
  placesOf(
    topic: TopicEntry,
    origin: string,
    records: readonly StoredMessage[],
  ): Promise<readonly ('origin' | 'own-log' | 'unknown')[]>
}

/** What the groups need. */
export type CopyGroupsOptions = {
  readonly region: string
  readonly session: NatsSession
  readonly positions: Pick<AppliedPositions, 'of'>
  readonly places: CopyPlaces
}

type Found = Entry & { readonly record: StoredMessage }

/** Records that are looked at at a time, to find where copies came from. */
const LOOKS_MAX = 16
/** An origin that cannot be asked is asked again after this long. */
const ASK_AGAIN_MS = 500

/** What events wait for that were here before their attempt. */
export class CopyGroups {
  readonly #options: CopyGroupsOptions

  constructor(options: CopyGroupsOptions) {
    this.#options = options
  }

  /** What these copies wait for. Those of this region's own log are known at once, others when their origin has been asked. */
  async groupsOf(
    topic: TopicEntry,
    copies: readonly Entry[],
    deadlineAtMs: number,
  ): Promise<readonly Promise<readonly Group[]>[]> {
    const { region } = this.#options
    const records = await this.#recordsOf(topic, [...new Set(copies.map(({ sequence }) => sequence))])
    const own: Entry[] = []
    const byOrigin = new Map<string, Found[]>()
    for (const entry of copies) {
      const record = records.get(entry.sequence)
      const origin = record === undefined ? undefined : parseSubject(record.subject).value?.origin
      if (record === undefined || origin === undefined || origin === region) own.push(entry)
      else byOrigin.set(origin, [...(byOrigin.get(origin) ?? []), { ...entry, record }])
    }
    const groups = [...byOrigin].map(([origin, found]) => this.#foreignGroups(topic, origin, found, deadlineAtMs))
    return own.length === 0 ? groups : [this.#ownGroup(topic, own).then((group) => [group]), ...groups]
  }

  /** The highest sequence of entries of our own log, or of the log when one of them is not known. @throws MeshError */
  async lastOf(topic: TopicEntry, entries: readonly Entry[]): Promise<number> {
    const sequences = entries.map(({ sequence }) => sequence)
    return sequences.includes(0) ? this.#ownEnd(topic) : Math.max(...sequences)
  }

  async #ownGroup(topic: TopicEntry, entries: readonly Entry[]): Promise<Group> {
    const sequence = await this.lastOf(topic, entries)
    const begunAtMs = (await this.#reportsHold(topic)) ? Number.NEGATIVE_INFINITY : performance.now()
    return { claim: { sequence, begunAtMs, holders: [] }, indexes: entries.map(({ index }) => index) }
  }

  /** Asks the origin until it has answered for all, or the time is over: what is not known then counts as held by nobody. */
  async #foreignGroups(
    topic: TopicEntry,
    origin: string,
    found: readonly Found[],
    deadlineAtMs: number,
  ): Promise<readonly Group[]> {
    // Once it is known that it will take longer, "degrade" has waited enough.
    const isPatient = topic.document.spec.quorumFallback === 'wait'
    const atOrigin: Found[] = []
    const inOwnLog: Found[] = []
    let left = found
    for (;;) {
      const records = left.map(({ record }) => record)
      const places = await Promise.race([
        this.#options.places.placesOf(topic, origin, records),
        delay(Math.max(0, deadlineAtMs - performance.now()), [], { ref: false }),
      ])
      const at = (place: string) => left.filter((_, index) => (places[index] ?? 'unknown') === place)
      atOrigin.push(...at('origin'))
      inOwnLog.push(...at('own-log'))
      left = at('unknown')
      if (left.length === 0 || !isPatient || performance.now() + ASK_AGAIN_MS >= deadlineAtMs) break
      await delay(ASK_AGAIN_MS)
    }
    const notOwn = { sequence: NOT_OWN, begunAtMs: Number.NEGATIVE_INFINITY, origin }
    const groups: Group[] = []
    const add = (claim: Group['claim'], entries: readonly Found[]) => {
      if (entries.length > 0) groups.push({ claim, indexes: entries.map(({ index }) => index) })
    }
    add({ ...notOwn, holders: [origin] }, atOrigin)
    add({ ...notOwn, holders: [] }, left)
    // Where in our log the repair has put them is not looked up: they are before its end.
    if (inOwnLog.length > 0) add((await this.#ownGroup(topic, [{ index: 0, sequence: 0 }])).claim, inOwnLog)
    return groups
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
        part.map((sequence) => recordAt(this.#options.session, stream, sequence)),
      )) {
        if (record !== undefined) found.set(record.sequence, record)
      }
    }
    return found
  }

  /**
   * Whether what the regions last said is said of the log as it is: a copy was stored before, so the time of a report
   * says nothing. Two logs that share a record (sequence and stamp) share everything before it.
   */
  async #reportsHold({ key, stream }: TopicEntry): Promise<boolean> {
    for (const { position } of this.#options.positions.of(key)) {
      if (position.sequence === 0) continue
      const record = await recordAt(this.#options.session, stream, position.sequence)
      if (record !== undefined && record.stampNs !== position.stamp) return false
    }
    return true
  }
}
