import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

// Below the ranges from which Linux (32768 up) and macOS (49152 up) take ports for outgoing connections: a server that is down for a while must find
// its port free when it comes back.
const FIRST_PORT = 20_000
const BLOCK_SIZE = 50
const BLOCK_COUNT = 240

/**
 * Ports on 127.0.0.1 that stay ours while their users come and go.
 *
 * Ports are taken in blocks. The first port of a block is held open for as long as this object lives and is the block's lock: two labs never share a
 * block, and the operating system frees it when a lab dies.
 */
export class PortReservation implements AsyncDisposable {
  readonly #guards: Server[] = []
  #next = 0
  #end = 0

  /**
   * The next free port.
   * @throws {Error} when every block is taken
   */
  async take(): Promise<number> {
    for (;;) {
      if (this.#next === this.#end) await this.#takeBlock()
      const port = this.#next++
      const probe = await listenOn(port)
      if (probe === undefined) continue
      await closeServer(probe)
      return port
    }
  }

  /** Gives every port back. */
  async close(): Promise<void> {
    await Promise.all(this.#guards.splice(0).map(closeServer))
    this.#next = this.#end = 0
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #takeBlock(): Promise<void> {
    const offset = Math.floor(Math.random() * BLOCK_COUNT)
    for (let step = 0; step < BLOCK_COUNT; step++) {
      const first = FIRST_PORT + ((offset + step) % BLOCK_COUNT) * BLOCK_SIZE
      const guard = await listenOn(first)
      if (guard === undefined) continue
      guard.unref()
      this.#guards.push(guard)
      this.#next = first + 1
      this.#end = first + BLOCK_SIZE
      return
    }
    throw new Error(`reserve ports: all ${BLOCK_COUNT} blocks from ${FIRST_PORT} are taken, wanted a free one`)
  }
}

async function listenOn(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy())
  server.listen({ host: '127.0.0.1', port, exclusive: true })
  try {
    await once(server, 'listening')
    return server
  } catch {
    return undefined
  }
}

async function closeServer(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}
