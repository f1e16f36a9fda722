import { controlSubject } from '@landbridge/core'
import { lastRecord, type NatsSession, type StoredMessage } from '@landbridge/nats'
import type { Log } from '../telemetry/index.ts'
import type { TopicEntry } from '../topics.ts'
import { localRecord } from './pull/local-record.ts'
import type { UpstreamLinks } from './upstream-links.ts'

/**
 * Where an event lies that came here from another region.
 * - `origin`: its origin still has the very record.
 * - `own-log`: its origin has lost it since, and the repair has put it into this region's own log.
 * - `unknown`: nobody can tell now.
 */
export type CopyPlace = 'origin' | 'own-log' | 'unknown'

/** What is needed to find out. */
export type OriginCopiesOptions = {
  readonly session: NatsSession
  readonly links: UpstreamLinks
  readonly log: Log
}

/** What one question may ask about. */
const QUESTION_MAX = 64

/**
 * Says where copies lie beside here. That an origin is in reach says nothing: it may have lost the end of its log a moment
 * ago, and only the origin knows.
 */
export class OriginCopies {
  readonly #options: OriginCopiesOptions

  constructor(options: OriginCopiesOptions) {
    this.#options = options
  }

  /** One answer for each of an origin's records, in order; waits at most about 10 s for the origin. Never rejects. */
  async placesOf(topic: TopicEntry, origin: string, records: readonly StoredMessage[]): Promise<readonly CopyPlace[]> {
    try {
      const places: CopyPlace[] = []
      for (let begin = 0; begin < records.length; begin += QUESTION_MAX) {
        places.push(...(await this.#ask(topic, origin, records.slice(begin, begin + QUESTION_MAX))))
      }
      return places
    } catch (err) {
      this.#options.log.debug({ err, topic: topic.key, origin }, 'nobody can tell whether an origin has its records')
      return records.map(() => 'unknown')
    }
  }

  async #ask(topic: TopicEntry, origin: string, records: readonly StoredMessage[]): Promise<readonly CopyPlace[]> {
    const { links } = this.#options
    const upstream = links.upstreamOf(topic.key, origin)
    const link = upstream === undefined ? undefined : links.stream(upstream)
    if (link === undefined) return records.map(() => 'unknown')
    const positions = records.map((record) => localRecord(record).position)
    const answers = await link.match({ topic: topic.key, origin, positions })
    const repairedAt = answers.includes('absent') ? await this.#repairedAt(topic, origin) : 0
    return records.map(({ sequence }, index) => {
      if (answers[index] === 'present') return 'origin'
      return answers[index] === 'absent' && sequence < repairedAt ? 'own-log' : 'unknown'
    })
  }

  /** What lies before this local sequence and is not in the origin's log any more was given back; 0: nothing was. */
  async #repairedAt({ document, stream }: TopicEntry, origin: string): Promise<number> {
    const control = await lastRecord(this.#options.session, stream, controlSubject(document.name, origin))
    return control !== undefined && localRecord(control).control === 'open' ? control.sequence : 0
  }
}
