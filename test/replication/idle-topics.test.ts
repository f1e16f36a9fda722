import { streamName, type TopicName } from '@landbridge/core'
import { NatsSession, streamStatus } from '@landbridge/nats'
import { expect, test } from 'vitest'
import { BUSY_MS } from '../busy.ts'
import { Mesh } from './mesh.ts'

const TOPICS: readonly TopicName[] = ['orders', 'payments', 'returns'].map((topic) => ({ tenant: 'acme', topic }))
const DOCUMENTS = TOPICS.map(
  ({ tenant, topic }) =>
    `apiVersion: landbridge.dev/v1alpha1\nkind: Topic\nmetadata: { namespace: ${tenant}, name: ${topic} }\nspec: { partitions: 4 }\n`,
).join('---\n')

/** A reader sleeps when it read nothing for 30 s, and then at the second of two looks that are 10 s apart. */
const ASLEEP_MS = 75_000
/** Less than half of the time between two looks: it is not one of them that wakes the readers. */
const PROMPT_MS = 1_000 + BUSY_MS

/** What the nats-server of each region has of these topics, summed over them. */
class Streams implements AsyncDisposable {
  readonly #sessions: ReadonlyMap<string, NatsSession>

  private constructor(sessions: ReadonlyMap<string, NatsSession>) {
    this.#sessions = sessions
  }

  static async of(mesh: Mesh): Promise<Streams> {
    const sessions = new Map<string, NatsSession>()
    for (const { name, natsUrls } of mesh.lab.regions) {
      sessions.set(name, await NatsSession.connect({ servers: natsUrls, name: 'test watcher' }))
    }
    return new Streams(sessions)
  }

  consumers(): Promise<Readonly<Record<string, number>>> {
    return this.#sum(async (session, stream) => {
      const answer = await session.request(`$JS.API.STREAM.INFO.${stream}`, '', 5_000)
      return JSON.parse(Buffer.from(answer).toString()).state.consumer_count
    })
  }

  events(): Promise<Readonly<Record<string, number>>> {
    return this.#sum(async (session, stream) => (await streamStatus(session, stream))?.messages ?? 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) await session.close()
  }

  async #sum(
    count: (session: NatsSession, stream: string) => Promise<number>,
  ): Promise<Readonly<Record<string, number>>> {
    const sums = [...this.#sessions].map(async ([region, session]) => {
      const counts = await Promise.all(TOPICS.map((topic) => count(session, streamName(topic))))
      return [region, counts.reduce((sum, each) => sum + each, 0)] as const
    })
    return Object.fromEntries(await Promise.all(sums))
  }
}

// The readers of relays never slept: each idle topic, origin and peer kept a consumer, its heartbeats and a timer.
test('idle topics cost no consumer in a line of three regions, and an event passes at once all the same', {
  timeout: 120_000,
}, async () => {
  await using mesh = await Mesh.start({ regions: ['a', 'b', 'c'], documents: DOCUMENTS })
  await mesh.lab.partition('a', 'c')
  const ends = ['a', 'c'] as const
  const writers = await Promise.all(TOPICS.flatMap((topic) => ends.map((region) => mesh.writer(region, topic))))
  const publish = () => Promise.all(writers.map((writer) => writer.publish(1)))
  await using streams = await Streams.of(mesh)
  const each = (count: number) => ({ a: count, b: count, c: count })

  await publish()
  await expect.poll(() => streams.events(), { timeout: 20_000 }).toEqual(each(writers.length))
  // b serves its own events to both ends, and those of each end to the other one.
  const consumers = { a: TOPICS.length, b: 4 * TOPICS.length, c: TOPICS.length }
  await expect.poll(() => streams.consumers(), { timeout: 20_000 }).toEqual(consumers)
  await expect.poll(() => streams.consumers(), { timeout: ASLEEP_MS, interval: 500 }).toEqual(each(0))

  const publishedAtMs = performance.now()
  await publish()
  await expect.poll(() => streams.events(), { timeout: 20_000 }).toEqual(each(2 * writers.length))
  expect(performance.now() - publishedAtMs).toBeLessThan(PROMPT_MS)
})
