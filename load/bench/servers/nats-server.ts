import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { endProcess, killAtExit } from './child.ts'

const READY_LIMIT_MS = 15_000
const GRACE_MS = 3_000

/** A running nats-server of the benchmark's own; its ports were chosen by the operating system. */
export class NatsServer implements AsyncDisposable {
  readonly pid: number
  /** "nats://127.0.0.1:1234" */
  readonly url: string
  /** Where leaf nodes connect, "127.0.0.1:1235"; undefined when it takes none. */
  readonly leafAddress: string | undefined
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, pid: number, url: string, leafAddress: string | undefined) {
    this.#child = child
    this.pid = pid
    this.url = url
    this.leafAddress = leafAddress
  }

  /**
   * Starts a server and waits until it is ready.
   * @param options `config` in nats-server's own language; `folder` must exist and receives the configuration
   * @throws {Error} with the server's words when it does not get ready within 15 s
   */
  static async start(options: { binary: string; name: string; config: string; folder: string }): Promise<NatsServer> {
    const file = join(options.folder, `${options.name}.conf`)
    await writeFile(file, options.config)
    const child = spawn(options.binary, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
    const killChild = killAtExit(child)
    try {
      const words = await readUntilReady(child, options.name)
      const client = /client connections on (\S+)/.exec(words)?.[1]
      if (client === undefined || child.pid === undefined)
        throw new Error(`start ${options.name}: it names no client port\n${words}`)
      return new NatsServer(child, child.pid, `nats://${client}`, /leafnode connections on (\S+)/.exec(words)?.[1])
    } catch (error) {
      killChild()
      throw error
    }
  }

  /** Stops it; waits until it is gone. */
  close(): Promise<void> {
    return endProcess(this.#child, GRACE_MS)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

async function readUntilReady(child: ChildProcess, name: string): Promise<string> {
  if (child.stderr === null) throw new Error(`start ${name}: no standard error to read`)
  const lines = createInterface({ input: child.stderr })
  let words = ''
  const ready = Promise.withResolvers<void>()
  const limit = setTimeout(
    () => ready.reject(new Error(`start ${name}: not ready after ${READY_LIMIT_MS} ms\n${words}`)),
    READY_LIMIT_MS,
  )
  lines.on('line', (line) => {
    if (words.length < 64 * 1024) words += `${line}\n`
    if (line.includes('Server is ready')) ready.resolve()
  })
  child.once('error', ready.reject)
  child.once('exit', () => ready.reject(new Error(`start ${name}: it ended\n${words}`)))
  await ready.promise.finally(() => clearTimeout(limit))
  return words
}
