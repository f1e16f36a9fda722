import type { Socket } from 'node:net'
import { ChannelCredentials } from '@grpc/grpc-js'

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>

/**
 * Channel credentials that see the sockets of their channel: grpc-js tells of whole messages only, and one of 8 MiB may
 * be on its way for long. For one channel; everything else is as the given credentials do it.
 */
export class WatchedCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials
  readonly #sockets = new Set<Socket>()
  #closedBytes = 0

  constructor(inner: ChannelCredentials) {
    super()
    this.#inner = inner
  }

  /** Bytes that came over the channel's sockets so far, TLS included. */
  get receivedBytes(): number {
    let bytes = this.#closedBytes
    for (const socket of this.#sockets) bytes += socket.bytesRead
    return bytes
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure()
  }

  override _equals(other: ChannelCredentials): boolean {
    return other === this
  }

  override _createSecureConnector(...wanted: Parameters<ChannelCredentials['_createSecureConnector']>): Connector {
    const connector = this.#inner._createSecureConnector(...wanted)
    return {
      connect: (socket) => {
        this.#watch(socket)
        return connector.connect(socket)
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    }
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => {
      if (this.#sockets.delete(socket)) this.#closedBytes += socket.bytesRead
    })
  }
}
