import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  readonly #folder: string

  private constructor(origin: NatsServer, receiver: NatsServer, folder: string) {
    this.origin = origin
    this.receiver = receiver
    this.#folder = folder
  }

  /** Starts both and keeps their state in a temporary folder. */
  static async start(binary: string, sync: SyncMode): Promise<NativePair> {
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
    const origin = stack.use(await NatsServer.start(config('origin', 'listen: "127.0.0.1:-1"')))
    const remote = `remotes: [{ url: "nats-leaf://${origin.leafAddress}" }]`
    const receiver = stack.use(await NatsServer.start(config('receiver', remote)))
    stack.move()
    return new NativePair(origin, receiver, folder)
  }

  async close(): Promise<void> {
    await this.receiver.close()
    await this.origin.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
