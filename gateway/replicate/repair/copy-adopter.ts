import { MeshError, markerOf, parseSubject } from '@landbridge/core'
import type { NatsSession, StoredMessage } from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'
import { MarkerLog } from './marker-log.ts'
import { unadoptedEvent } from './repair-stream.ts'

/** Where events lie in this region's own log after they were adopted. */
export type Adopted = {
  /** All of their markers are at or before this sequence. */
  readonly sequence: number
  /** Some were written only now. */
  readonly isNew: boolean
}

type Waiting = {
  readonly records: readonly StoredMessage[]
  resolve(adopted: Adopted): void
  reject(error: unknown): void
}

/** Markers in one batch: the server's limit. */
const MARKERS_MAX = 1_000
/** Another gateway that writes markers this often between our look and our batch keeps us from it. */
const FENCED_MAX = 20
/** Publishers wait for it. */
const ADOPT_MS = 10_000

/**
 * Puts events that came from another region into this region's own log, by markers (rule 8), as if this attempt had
 * stored them here: then other regions say whether they have them, whatever became of their origin. What came meanwhile is
 * written together. Bounded by who waits: each call of a publisher waits for one.
 */
export class CopyAdopter {
  readonly #options: { readonly session: NatsSession; readonly region: string }
  /** By topic; absent while nothing is being written. */
  readonly #waiting = new Map<string, Waiting[]>()

  constructor(options: { readonly session: NatsSession; readonly region: string }) {
    this.#options = options
  }

  /** Adopts 1 or more records of other origins; those that have a marker are left as they are. @throws MeshError */
  adopt(topic: TopicEntry, records: readonly StoredMessage[]): Promise<Adopted> {
    const { promise, resolve, reject } = Promise.withResolvers<Adopted>()
    const one = { records, resolve, reject }
    const waiting = this.#waiting.get(topic.key)
    if (waiting === undefined) {
      this.#waiting.set(topic.key, [one])
      void this.#run(topic)
    } else waiting.push(one)
    return promise
  }

  async #run(topic: TopicEntry): Promise<void> {
    for (;;) {
      const together = this.#waiting.get(topic.key) ?? []
      if (together.length === 0) break
      this.#waiting.set(topic.key, [])
      try {
        const adopted = await this.#write(
          topic,
          together.flatMap(({ records }) => records),
        )
        for (const { resolve } of together) resolve(adopted)
      } catch (error) {
        for (const { reject } of together) reject(error)
      }
    }
    this.#waiting.delete(topic.key)
  }

  async #write(topic: TopicEntry, records: readonly StoredMessage[]): Promise<Adopted> {
    const markers = new MarkerLog({ ...this.#options, topic, signal: AbortSignal.timeout(ADOPT_MS) })
    const after = Math.min(...records.map(({ sequence }) => sequence))
    const { duplicateWindowMs } = topic.document.spec
    // Calls that retry the same events ask for the same records.
    const wanted = [...new Map(records.map((record) => [record.sequence, record])).values()]
    let isNew = false
    for (let fenced = 0; fenced <= FENCED_MAX; ) {
      const fence = await markers.read(after)
      const left = wanted.filter(({ sequence }) => !markers.has(sequence))
      if (left.length === 0) return { sequence: fence, isNew }
      const batch = left.slice(0, MARKERS_MAX).map((record) => {
        const origin = parseSubject(record.subject).value?.origin ?? ''
        return markerOf(unadoptedEvent(record), { origin, duplicateWindowMs })
      })
      const result = await markers.write(batch, fence)
      if (result.error !== undefined) throw result.error
      if (result.kind === 'stored' && left.length <= MARKERS_MAX) return { sequence: result.lastSequence, isNew: true }
      if (result.kind === 'stored') isNew = true
      else fenced += 1
    }
    throw new MeshError('aborted', 'adopt copies: another gateway does so at the same time, try again')
  }
}
