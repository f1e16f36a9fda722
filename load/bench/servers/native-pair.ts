import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Link, PortReservation } from '@landbridge/lab'
import { NatsServer } from './nats-server.ts'

/** How often the servers force what they stored to the disk: before each acknowledgement, or every two minutes (the server's default). */
export type SyncMode = 'always' | 'default'

/**
 * Two servers in JetStream domains of their own, joined by a leaf node connection: what NATS itself offers between regions. The receiver's domain can
 * source streams from the origin's.
 */
export class NativePair implements AsyncDisposable {
  readonly origin: NatsServer
  readonly receiver: NatsServer
  /** What lies between the two; undefined when the receiver dials the origin directly. */
  readonly link: Link | undefined
  readonly #folder: string

  private constructor(origin: NatsServer, receiver: NatsServer, link: Link | undefined, folder: string) {
    this.origin = origin
    this.receiver = receiver
    this.link = link
    this.#folder = folder
  }

  /** Starts both and keeps their state in a temporary folder. `proxied`: the connection between them can be cut. */
  static async start(binary: string, sync: SyncMode, links: 'direct' | 'proxied' = 'direct'): Promise<NativePair> {
    const folder = await mkdtemp(join(tmpdir(), 'landbridge-bench-'))
    const config = (name: string, leafNodes: string) => ({
      binary,
      folder,
      name,
      config: [
        'listen: "127.0.0.1:-1"',
        `server_name: ${name}`,
        `jetstream { store_dir: "${join(folder, name)}", domain: ${name}${sync === 'always' ? ', sync_interval: always' : ''} }`,
        `leafnodes { ${leafNodes} }`,
      ].join('\n'),
    })
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(folder, { recursive: true, force: true }))
    // Told of the origin's own address, the receiver would reconnect past the link.
    const origin = stack.use(await NatsServer.start(config('origin', 'listen: "127.0.0.1:-1", no_advertise: true')))
    const link = links === 'direct' ? undefined : stack.use(await openLink(origin))
    const address = link === undefined ? origin.leafAddress : `127.0.0.1:${link.port}`
    const receiver = stack.use(
      await NatsServer.start(config('receiver', `remotes: [{ url: "nats-leaf://${address}" }]`)),
    )
    stack.move()
    return new NativePair(origin, receiver, link, folder)
  }

  async close(): Promise<void> {
    await this.receiver.close()
    await this.link?.close()
    await this.origin.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

async function openLink(origin: NatsServer): Promise<Link> {
  await using reservation = new PortReservation()
  return Link.open(await reservation.take(), Number(origin.leafAddress?.split(':').at(-1)))
}
