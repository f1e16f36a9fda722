import { setTimeout as delay } from 'node:timers/promises'
import { connect, type Mesh } from '@landbridge/client'
import { type Lab, startLab } from '@landbridge/lab'
import type { GrowthPoint } from './options.ts'
import { RestWatch } from './rest.ts'
import { type ServerFigures, serverFigures } from './server-figures.ts'

const TENANT = 'growth'
const SERVICE = 'load'
/** Topics in one call; a call's size is bounded. */
const TOPICS_AT_ONCE = 20
const APPLY_TRIES = 5
/** Calls at the same time: a busy machine slows the load down. */
const CALLS = 16
const APPEAR_LIMIT_MS = 180_000
const POLL_MS = 100
const REST_POLL_MS = 1_000
/** After the last reader went to sleep: consumers are deleted, garbage is collected. */
const AFTER_REST_MS = 3_000

/** A mesh of a given size, with every topic in every region. Everything is published in the first region. */
export class GrownMesh implements AsyncDisposable {
  readonly lab: Lab
  readonly publisher: Mesh
  readonly topics: readonly string[]
  readonly #consumersWithoutTopics: number

  private constructor(lab: Lab, publisher: Mesh, topics: readonly string[], consumersWithoutTopics: number) {
    this.lab = lab
    this.publisher = publisher
    this.topics = topics
    this.#consumersWithoutTopics = consumersWithoutTopics
  }

  /** Resolves when an event of every topic has come to every region. */
  static async start(point: GrowthPoint, say: (line: string) => void): Promise<GrownMesh> {
    await using stack = new AsyncDisposableStack()
    const regions = Array.from({ length: point.regions }, (_, index) => `region-${index + 1}`)
    const lab = stack.use(await startLab({ regions, directLinks: true, documents: POLICY }))
    const consumersWithoutTopics = consumersOf(await figuresOf(lab))
    const topics = Array.from({ length: point.topics }, (_, index) => `topic-${index + 1}`)
    say(`  ${point.topics} topics in ${point.regions} regions: applying`)
    for (let from = 0; from < topics.length; from += TOPICS_AT_ONCE) {
      const documents = topics.slice(from, from + TOPICS_AT_ONCE).map(topicDocument)
      await applyPatiently(lab, documents.join('\n---\n'))
    }
    const { cert, key } = await lab.certificates.client(TENANT, SERVICE)
    const token = await lab.token({ subject: SERVICE })
    const [first] = lab.regions
    const publisher = stack.use(
      connect({ endpoints: first?.endpoints ?? [], token, tls: { ca: lab.caFile, cert, key } }),
    )
    const names = topics.map((topic) => `${TENANT}/${topic}`)
    stack.move()
    const mesh = new GrownMesh(lab, publisher, names, consumersWithoutTopics)
    const before = await mesh.figures()
    say('  waiting until an event of each is everywhere')
    for (const name of names) await publisher.publish(name, event())
    await mesh.untilStored(before, names.length)
    return mesh
  }

  /** What each region's server holds. */
  figures(): Promise<readonly ServerFigures[]> {
    return figuresOf(this.lab)
  }

  /**
   * Waits until all readers of all regions sleep, two minutes at most.
   * @returns how many do not: 0 when the mesh is at rest
   */
  async untilAtRest(): Promise<number> {
    const watch = new RestWatch(this.#consumersWithoutTopics, performance.now())
    for (;;) {
      const state = watch.look(consumersOf(await this.figures()), performance.now())
      if (state.kind !== 'settling') {
        await delay(AFTER_REST_MS)
        return state.kind === 'awake' ? state.readers : 0
      }
      await delay(REST_POLL_MS)
    }
  }

  /** Waits until every region's server has at least `events` messages more than `before`. */
  async untilStored(before: readonly ServerFigures[], events: number): Promise<void> {
    const endMs = performance.now() + APPEAR_LIMIT_MS
    for (;;) {
      const now = await this.figures()
      const missing = now.map(({ messages }, index) => (before[index]?.messages ?? 0) + events - messages)
      if (missing.every((count) => count <= 0)) return
      if (performance.now() > endMs)
        throw new Error(`wait for events: ${missing.join(', ')} missing by region after ${APPEAR_LIMIT_MS} ms`)
      await delay(POLL_MS)
    }
  }

  /** Publishes no faster than this rate, every topic in turn, one event a call: figures by event ask for no more than a light, even load. */
  async publish(events: number, perSecond: number): Promise<void> {
    const startMs = performance.now()
    let next = 0
    const publishInTurn = async () => {
      while (next < events) {
        const index = next++
        const waitMs = startMs + (index * 1_000) / perSecond - performance.now()
        if (waitMs > 1) await delay(waitMs)
        await this.publisher.publish(this.topics[index % this.topics.length] ?? '', event())
      }
    }
    await Promise.all(Array.from({ length: CALLS }, publishInTurn))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.publisher.close()
    await this.lab.close()
  }
}

function figuresOf({ regions }: Lab): Promise<readonly ServerFigures[]> {
  return Promise.all(regions.map(({ natsMonitorUrls }) => serverFigures(natsMonitorUrls[0] ?? '')))
}

/** Of all regions together. */
function consumersOf(figures: readonly ServerFigures[]): number {
  return figures.reduce((sum, { consumers }) => sum + consumers, 0)
}

/** A call that a busy machine does not finish in time is made again by the SDK, and can then meet itself: later all is as it should be. */
async function applyPatiently(lab: Lab, documents: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await lab.apply(documents)
      return
    } catch (error) {
      if (attempt === APPLY_TRIES) throw error
      await delay(1_000 * attempt)
    }
  }
}

const DATA = new Uint8Array(168).fill(0x61)

function event() {
  return { source: '/growth', type: 'dev.landbridge.growth.v1', data: DATA }
}

function topicDocument(name: string): string {
  return document({ kind: 'Topic', metadata: { namespace: TENANT, name }, spec: { partitions: 8 } })
}

/** One document; JSON is YAML. */
function document(fields: object): string {
  return JSON.stringify({ apiVersion: 'landbridge.dev/v1alpha1', ...fields })
}

const POLICY = document({
  kind: 'AccessPolicy',
  metadata: { namespace: TENANT, name: SERVICE },
  spec: { principals: [{ subject: SERVICE }], topics: ['*'], operations: ['publish'] },
})
