import type { TopicName } from '@landbridge/core'
import { streamName } from '@landbridge/core'
import { type Lab, type LabOptions, startLab } from '@landbridge/lab'
import { NatsSession, streamStatus } from '@landbridge/nats'
import { expect, vi } from 'vitest'
import { RegionAdmin } from './admin.ts'
import type { TestEvent } from './events.ts'
import { OriginWriter } from './origin-writer.ts'
import { audit, type ContentRecord, type Contents, chainProblems, readContent } from './stream-content.ts'

/** The topic of these tests. */
export const TOPIC: TopicName = { tenant: 'acme', topic: 'orders' }
export const TOPIC_KEY = 'acme/orders'

/** The documents of these tests. */
export const DOCUMENTS = `
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: orders }
spec: { partitions: 4, maxEventBytes: 256KiB }
`

/** A lab with one topic, and writers that publish in its regions. */
export class Mesh implements AsyncDisposable {
  readonly lab: Lab
  readonly #writers: OriginWriter[] = []

  private constructor(lab: Lab) {
    this.lab = lab
  }

  static async start(options: LabOptions = {}): Promise<Mesh> {
    return new Mesh(await startLab({ regions: ['us-east', 'eu-west'], documents: DOCUMENTS, ...options }))
  }

  /** A writer that stores in the region's own stream. */
  async writer(region: string, topic: TopicName = TOPIC): Promise<OriginWriter> {
    const servers = this.lab.region(region).natsUrls
    const writer = await OriginWriter.connect({ servers, region, topic })
    this.#writers.push(writer)
    return writer
  }

  /** What an administrator of the region sees, through one of its gateways. */
  admin(region: string, gateway = 0): RegionAdmin {
    return new RegionAdmin(this.lab, region, gateway)
  }

  /** What every region holds. */
  async contents(topic: TopicName = TOPIC): Promise<Contents> {
    const regions = this.lab.regions.map(
      async (region) => [region.name, await readContent(region.natsUrls, topic)] as const,
    )
    return new Map(await Promise.all(regions))
  }

  /** What some regions hold, when others cannot be asked. */
  contentsOf(regions: readonly string[]): Promise<readonly (readonly ContentRecord[])[]> {
    return Promise.all(regions.map((region) => readContent(this.lab.region(region).natsUrls, TOPIC)))
  }

  /** Waits until every region's stream holds `count` messages. */
  async whenAllHold(count: number, timeoutMs = 20_000): Promise<void> {
    await using sessions = new AsyncDisposableStack()
    const regions = await Promise.all(
      this.lab.regions.map(async ({ name, natsUrls }) => {
        return { name, session: sessions.use(await NatsSession.connect({ servers: natsUrls, name: 'test watcher' })) }
      }),
    )
    const expected = Object.fromEntries(regions.map(({ name }) => [name, count]))
    await vi.waitFor(
      async () => {
        const held = regions.map(async ({ name, session }) => {
          const status = await streamStatus(session, streamName(TOPIC)).catch(() => undefined)
          return [name, status?.messages ?? 0] as const
        })
        expect(Object.fromEntries(await Promise.all(held))).toEqual(expected)
      },
      { timeout: timeoutMs, interval: 50 },
    )
  }

  /**
   * Waits until every region's stream holds the same events, all of them acknowledged ones, each once and in its order:
   * also after a region lost a part of its stream, when control records lie between them.
   */
  async whenSame(acknowledged: readonly TestEvent[], timeoutMs = 60_000): Promise<Contents> {
    return vi.waitFor(
      async () => {
        const contents = await this.contents()
        const { missing, duplicates, orderViolations, differing, examples } = audit(contents, TOPIC_KEY, acknowledged)
        const found = { missing, duplicates, orderViolations, differing, examples }
        expect(found).toEqual({ missing: 0, duplicates: 0, orderViolations: 0, differing: 0, examples: [] })
        return contents
      },
      { timeout: timeoutMs, interval: 500 },
    )
  }

  /** Reads everything and demands: nothing lost, nothing twice, order kept, all regions alike, chains unbroken. */
  async expectConverged(
    acknowledged: readonly TestEvent[],
    options: { readonly copiesMayBeMissing?: boolean } = {},
  ): Promise<Contents> {
    const contents = await this.contents()
    const { missing, duplicates, orderViolations, differing, examples } = audit(contents, TOPIC_KEY, acknowledged)
    expect({ missing, duplicates, orderViolations, differing, examples }).toEqual({
      missing: 0,
      duplicates: 0,
      orderViolations: 0,
      differing: 0,
      examples: [],
    })
    expect(chainProblems(contents, options)).toEqual([])
    return contents
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const writer of this.#writers) await writer[Symbol.asyncDispose]()
    await this.lab.close()
  }
}
