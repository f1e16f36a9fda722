import { eventSubject, formatTopicName, streamName, type TopicName } from '@landbridge/core'
import { type Lab, startLab } from '@landbridge/lab'
import type { GatewayAccess } from './contender.ts'
import type { SyncMode } from './servers/native-pair.ts'

/** The region that everything is published to. */
export const REGION = 'us-east'
/** The region that replicates from it. */
export const REMOTE_REGION = 'eu-west'

const TENANT = 'bench'
const SERVICE = 'load'
const PARTITIONS = 8

/** A topic and the stream that holds it in each region. */
export type BenchTopic = { readonly topic: TopicName; readonly name: string; readonly stream: string }

/** How far one region is from the other, and how well the way between them works. */
export type Distance = {
  /** Milliseconds. */
  readonly roundTripMs: number
  /** Share of the packets, 0 to below 1; of no effect where the round trip is 0. */
  readonly packetLoss: number
}

/** Regions beside each other. */
export const NO_DISTANCE: Distance = { roundTripMs: 0, packetLoss: 0 }

/** The subject under which a region stores its own events of the topic. */
export function originSubject({ topic }: BenchTopic, region: string): string {
  return eventSubject(topic, region, 0)
}

/** Two regions of the lab, as real as a mesh on one machine gets: gateways with TLS, tokens, policies; one nats-server each. */
export class BenchMesh implements AsyncDisposable {
  readonly #lab: Lab

  private constructor(lab: Lab) {
    this.#lab = lab
  }

  /**
   * @param sync how the regions' servers write to the disk
   * @param links `direct`: regions dial each other without anything between; `proxied`: they can be cut; `delayed`: and be given a round trip
   */
  static async start(sync: SyncMode, links: 'direct' | 'proxied' | 'delayed' = 'direct'): Promise<BenchMesh> {
    const lab = await startLab({
      regions: [REGION, REMOTE_REGION],
      syncInterval: sync === 'always' ? 'always' : '2m',
      directLinks: links === 'direct',
      ...(links === 'delayed' ? { prepare: { toxics: true } } : {}),
      documents: yaml({
        kind: 'AccessPolicy',
        metadata: { namespace: TENANT, name: 'load' },
        spec: { principals: [{ subject: SERVICE }], topics: ['*'], operations: ['publish', 'subscribe'] },
      }),
    })
    return new BenchMesh(lab)
  }

  /**
   * Makes a topic that spans `regions`, and applies it in those of `where` (default: all that it spans). A region to which it is applied later begins
   * to pull then.
   */
  async applyTopic(topic: string, regions: readonly string[], where: readonly string[] = regions): Promise<BenchTopic> {
    const name: TopicName = { tenant: TENANT, topic }
    const document = yaml({
      kind: 'Topic',
      metadata: { namespace: TENANT, name: topic },
      spec: { partitions: PARTITIONS, replication: { regions } },
    })
    await Promise.all(where.map((region) => this.#lab.apply(document, { region })))
    return { topic: name, name: formatTopicName(name), stream: streamName(name) }
  }

  /** A publisher's and subscriber's way in: a client certificate and a token good for an hour. The first region is home, the others stand in. */
  async access(...regions: readonly [string, ...string[]]): Promise<GatewayAccess> {
    const { cert, key } = await this.#lab.certificates.client(TENANT, SERVICE)
    return {
      endpoints: regions.flatMap((region) => this.#lab.region(region).endpoints.map((at) => `${region}=${at}`)),
      token: await this.#lab.token({ subject: SERVICE }),
      caFile: this.#lab.caFile,
      certFile: cert,
      keyFile: key,
    }
  }

  /** The region's one nats-server. */
  natsUrl(region: string): string {
    return present(this.#lab.region(region).natsUrls[0], `nats-server of ${region}`)
  }

  /** The process of the region's one gateway. */
  gatewayPid(region: string): number {
    return present(this.#lab.region(region).processes('gateway')[0]?.pid, `gateway of ${region}`)
  }

  /** Kills a region's NATS, or its gateway too, with SIGKILL. */
  async kill(region: string, target: 'nats' | 'all'): Promise<void> {
    await this.#lab.region(region).kill(target)
  }

  /** Starts what was killed; resolves when it is ready. */
  async restart(region: string): Promise<void> {
    await this.#lab.region(region).start('all')
  }

  /** Resets every connection between the two regions and refuses new ones. Not with direct links. */
  async cut(): Promise<void> {
    await this.#lab.partition(REGION, REMOTE_REGION, 'refused')
  }

  /** Lets the two regions reach each other again. */
  async heal(): Promise<void> {
    await this.#lab.healAll()
  }

  /**
   * Delays everything between the two regions so that a question and its answer take `roundTripMs` more, and loses a share of the packets; what is
   * lost comes a round trip later. Only with delayed links.
   */
  async setDistance({ roundTripMs, packetLoss }: Distance): Promise<void> {
    const delayed = { kind: 'delay', delayMs: roundTripMs / 2, jitterMs: 0, packetLoss } as const
    const trouble = roundTripMs === 0 ? undefined : delayed
    await this.#lab.links.setTrouble(REGION, REMOTE_REGION, trouble)
    await this.#lab.links.setTrouble(REMOTE_REGION, REGION, trouble)
  }

  async close(): Promise<void> {
    await this.#lab.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** One document; JSON is YAML. */
function yaml(document: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ apiVersion: 'landbridge.dev/v1alpha1', ...document })
}

function present<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`find ${what}: there is none`)
  return value
}
