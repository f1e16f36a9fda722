import { once } from 'node:events'
import { createServer, type Server, Socket } from 'node:net'
import { chanceOfLoss, LateWay, type PacketLoss } from './packet-loss.ts'

/**
 * What a link does.
 * - `open`: forwards.
 * - `refused`: open connections are reset, new ones refused, as when a host is gone.
 * - `blackhole`: new connections are accepted; whatever either end sends is swallowed, as behind a broken router. Its connections cannot go on
 *   afterwards and are reset when the link heals.
 * - `stalled`: nothing moves, nothing is lost: held bytes are delivered when the link heals, as after lost packets are sent again.
 */
export type LinkMode = 'open' | 'refused' | 'blackhole' | 'stalled'

/** One connection through a link. */
export type LinkConnection = {
  /** Unique in its link, counting up from 1. */
  readonly id: number
  readonly mode: Exclude<LinkMode, 'refused'>
  /** Bytes forwarded so far, from the dialling end and to it. */
  readonly bytesSent: number
  readonly bytesReceived: number
}

type Connection = { -readonly [Key in keyof LinkConnection]: LinkConnection[Key] } & {
  readonly near: Socket
  readonly far: Socket
  /** Sockets whose last chunk was lost and is not sent again yet: they stay paused. */
  readonly held: Set<Socket>
  /** What packet loss keeps from arriving, by the end that sent it. */
  readonly ways: ReadonlyMap<Socket, LateWay>
}

/** After this long, as TCP does on most systems, lost bytes are sent again. */
const RETRANSMIT_MS = 200

/** No more is under way in one direction behind lost packets: as much as Linux lets a receive buffer grow, and somewhat more. */
const UNDER_WAY_BYTES = 16 * 1024 * 1024

/** A TCP proxy on 127.0.0.1 in front of one address, with faults. */
export class Link implements AsyncDisposable {
  /** Where to dial instead of the target. */
  readonly port: number
  readonly #targetPort: number
  readonly #connections = new Map<number, Connection>()
  #server: Server | undefined
  readonly #random: () => number
  #mode: LinkMode = 'open'
  #loss = 0
  #packetLoss: PacketLoss | undefined
  #lastId = 0
  #change: Promise<void> = Promise.resolve()

  private constructor(port: number, targetPort: number, random: () => number) {
    this.port = port
    this.#targetPort = targetPort
    this.#random = random
  }

  /** Listens on `port` and forwards to `targetPort`, both on 127.0.0.1. `random` decides what is lost, from 0 to below 1. */
  static async open(port: number, targetPort: number, random: () => number = Math.random): Promise<Link> {
    const link = new Link(port, targetPort, random)
    await link.#listen()
    return link
  }

  get mode(): LinkMode {
    return this.#mode
  }

  /** The open connections. */
  get connections(): readonly LinkConnection[] {
    return [...this.#connections.values()].map(({ id, mode, bytesSent, bytesReceived }) => ({
      id,
      mode,
      bytesSent,
      bytesReceived,
    }))
  }

  /** Changes what the link does, for open and new connections. Resolves when it is in effect; calls take effect in their order. */
  setMode(mode: LinkMode): Promise<void> {
    this.#change = this.#change.then(() => this.#apply(mode))
    return this.#change
  }

  /**
   * Loses a share of what is forwarded, 0 (default) to below 1, chunk by chunk of up to 64 KiB. What is lost arrives 200 ms
   * later, and nothing is read until then: so a stream shows the loss of packets that TCP notices by its timer.
   */
  setLoss(ratio: number): void {
    this.#loss = ratio
  }

  /**
   * Loses packets (see PacketLoss) while the stream goes on behind them: up to 16 MiB are under way. So a stream shows loss
   * where TCP repairs each hole within a round trip and sends no slower for it. undefined (default) ends that.
   */
  setPacketLoss(loss: PacketLoss | undefined): void {
    this.#packetLoss = loss
  }

  /** Breaks every open connection. */
  resetAll(): void {
    for (const connection of this.#connections.values()) this.#reset(connection)
  }

  /** Breaks one connection: the end that dialled sees a reset. Returns false when there is no such connection. */
  resetConnection(id: number): boolean {
    const connection = this.#connections.get(id)
    if (connection !== undefined) this.#reset(connection)
    return connection !== undefined
  }

  /** Changes what one connection does, whatever the link does; lasts until the link's mode changes. Returns false when there is no such connection. */
  setConnectionMode(id: number, mode: LinkConnection['mode']): boolean {
    const connection = this.#connections.get(id)
    if (connection !== undefined) this.#enter(connection, mode)
    return connection !== undefined
  }

  /** Stops listening and resets what is open. */
  close(): Promise<void> {
    return this.setMode('refused')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #apply(mode: LinkMode): Promise<void> {
    this.#mode = mode
    if (mode !== 'refused') {
      for (const connection of this.#connections.values()) this.#enter(connection, mode)
      if (this.#server === undefined) await this.#listen()
      return
    }
    const server = this.#server
    this.#server = undefined
    const closed = server === undefined ? undefined : once(server, 'close')
    server?.close()
    for (const connection of this.#connections.values()) this.#reset(connection)
    await closed
  }

  async #listen(): Promise<void> {
    const server = createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true }, (socket) =>
      this.#accept(socket),
    )
    server.listen({ host: '127.0.0.1', port: this.port, exclusive: true })
    await once(server, 'listening')
    server.unref()
    this.#server = server
  }

  #accept(near: Socket): void {
    const far = new Socket({ allowHalfOpen: true })
    // What would go into a black hole needs no other end.
    if (this.#mode !== 'blackhole') far.setNoDelay().connect(this.#targetPort, '127.0.0.1')
    const connection: Connection = {
      id: ++this.#lastId,
      mode: 'open',
      bytesSent: 0,
      bytesReceived: 0,
      near,
      far,
      held: new Set(),
      ways: new Map([near, far].map((socket) => [socket, new LateWay()])),
    }
    this.#connections.set(connection.id, connection)
    near.on('data', (chunk: Buffer) => {
      if (connection.mode === 'blackhole') return
      connection.bytesSent += chunk.length
      this.#forward(connection, near, far, chunk)
    })
    far.on('data', (chunk: Buffer) => {
      if (connection.mode === 'blackhole') return
      connection.bytesReceived += chunk.length
      this.#forward(connection, far, near, chunk)
    })
    near.on('drain', () => resumeUnlessStalled(connection, far))
    far.on('drain', () => resumeUnlessStalled(connection, near))
    near.on('end', () => afterOthers(connection, near, () => forwardEnd(connection, far)))
    far.on('end', () => afterOthers(connection, far, () => forwardEnd(connection, near)))
    for (const socket of [near, far]) {
      socket.on('error', () => this.#reset(connection))
      socket.on('close', () => this.#closed(connection))
    }
    this.#enter(connection, this.#mode === 'refused' ? 'open' : this.#mode)
    if (this.#mode === 'refused') this.#reset(connection)
  }

  #forward(connection: Connection, from: Socket, to: Socket, chunk: Buffer): void {
    const way = connection.ways.get(from)
    if (way !== undefined && (this.#packetLoss !== undefined || !way.empty)) {
      this.#forwardPackets(connection, way, from, to, chunk)
      return
    }
    if (this.#loss === 0 || this.#random() >= this.#loss) {
      if (!to.write(chunk)) from.pause()
      return
    }
    from.pause()
    connection.held.add(from)
    setTimeout(() => {
      connection.held.delete(from)
      if (connection.mode === 'blackhole' || !this.#connections.has(connection.id)) return
      if (to.write(chunk)) resumeUnlessStalled(connection, from)
    }, RETRANSMIT_MS)
  }

  #forwardPackets(connection: Connection, way: LateWay, from: Socket, to: Socket, chunk: Buffer): void {
    const { ratio, resentAfterMs } = this.#packetLoss ?? { ratio: 0, resentAfterMs: 0 }
    const isLost = this.#random() < chanceOfLoss(chunk.length, ratio)
    way.send(chunk.length, isLost ? resentAfterMs : 0, () => {
      if (connection.mode === 'blackhole') return
      if (way.waitingBytes < UNDER_WAY_BYTES) connection.held.delete(from)
      if (to.write(chunk)) resumeUnlessStalled(connection, from)
      else from.pause()
    })
    if (way.waitingBytes < UNDER_WAY_BYTES) return
    from.pause()
    connection.held.add(from)
  }

  #enter(connection: Connection, mode: LinkConnection['mode']): void {
    // What was swallowed is missing from the middle of the conversation: it must not go on as if nothing had been.
    if (connection.mode === 'blackhole' && mode !== 'blackhole') {
      this.#reset(connection)
      return
    }
    connection.mode = mode
    for (const socket of [connection.near, connection.far]) {
      if (mode === 'stalled') socket.pause()
      else resumeUnlessStalled(connection, socket)
    }
  }

  #closed(connection: Connection): void {
    const { near, far, mode, ways } = connection
    if (near.destroyed && far.destroyed) {
      forget(ways)
      this.#connections.delete(connection.id)
    } else if (mode === 'blackhole') {
      // The other end does not hear of it. Only an end that was never dialled goes too.
      if (far.pending) far.destroy()
    } else if (ways.values().every((way) => way.empty) && (!near.writableFinished || !far.writableFinished)) {
      this.#reset(connection)
    }
  }

  #reset(connection: Connection): void {
    this.#connections.delete(connection.id)
    forget(connection.ways)
    reset(connection.near)
    reset(connection.far)
  }
}

/**
 * Node 26 cannot reset a socket while its end is being sent (libuv's `uv_tcp_close_reset` answers EINVAL): it would stay open, and the process, with
 * nothing left to do, would never exit.
 */
function reset(socket: Socket): void {
  const isEnding = socket.writableEnded && socket.writableLength === 0 && !socket.writableFinished
  if (socket.connecting) socket.destroy()
  else if (isEnding) socket.once('finish', () => socket.resetAndDestroy())
  else socket.resetAndDestroy()
}

function resumeUnlessStalled(connection: Connection, socket: Socket): void {
  if (connection.mode !== 'stalled' && !connection.held.has(socket)) socket.resume()
}

function forwardEnd(connection: Connection, socket: Socket): void {
  if (connection.mode !== 'blackhole') socket.end()
}

/** Calls `act` after all that `socket` sent before has arrived. */
function afterOthers({ ways }: Connection, socket: Socket, act: () => void): void {
  ways.get(socket)?.send(0, 0, act)
}

function forget(ways: Connection['ways']): void {
  for (const way of ways.values()) way.close()
}
