import type { NatsConnection } from '@nats-io/nats-core'
import { NatsConnectionImpl } from '@nats-io/nats-core/internal'

const CHUNK_BYTES = 64 * 1024
/** "HPUB", two spaces, two lengths, two line ends. */
const CONTROL_BYTES_MAX = 64

/**
 * Collects publish frames of the NATS protocol in large chunks and hands them to the connection.
 *
 * The library's publish() costs four small buffers, a headers object and a promise a message; at the rates of a
 * batch that is most of the work of this process. Frames made here go through the library's own outbound queue, so
 * their order to everything else it sends is kept.
 */
export class FrameWriter {
  readonly #connection: NatsConnection
  #chunk: Buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  #length = 0

  constructor(connection: NatsConnection) {
    this.#connection = connection
  }

  /** Adds one message; `headers` is a whole "NATS/1.0...\r\n\r\n" block, `reply` may be ''. */
  append(subject: string, reply: string, headers: string, payload: Uint8Array): void {
    const headerBytes = Buffer.byteLength(headers)
    const totalBytes = headerBytes + payload.length
    const target = reply === '' ? subject : `${subject} ${reply}`
    const head = `HPUB ${target} ${headerBytes} ${totalBytes}\r\n${headers}`
    // UTF-8 takes at most three bytes for each UTF-16 unit of the subjects.
    const roomBytes = CONTROL_BYTES_MAX + 3 * target.length + totalBytes
    if (this.#length + roomBytes > this.#chunk.length) {
      this.flush()
      if (roomBytes > this.#chunk.length) this.#chunk = Buffer.allocUnsafe(roomBytes)
    }
    this.#length += this.#chunk.write(head, this.#length)
    this.#chunk.set(payload, this.#length)
    this.#length += payload.length
    this.#chunk[this.#length++] = 13
    this.#chunk[this.#length++] = 10
  }

  /** Adds one short message of ASCII text, without headers and without a reply. */
  appendText(subject: string, text: string): void {
    const frame = `PUB ${subject} ${text.length}\r\n${text}\r\n`
    // UTF-8 takes at most three bytes for each UTF-16 unit of the subject.
    if (this.#length + 3 * frame.length > this.#chunk.length) this.flush()
    this.#length += this.#chunk.write(frame, this.#length)
  }

  /** Hands over what was collected. The chunk belongs to the socket from then on. */
  flush(): void {
    if (this.#length === 0) return
    const frames = this.#chunk.subarray(0, this.#length)
    this.#chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    this.#length = 0
    protocolOf(this.#connection).sendCommand(frames)
  }

  /** Forgets what was collected and not handed over. */
  discard(): void {
    this.#length = 0
  }
}

/**
 * True while the transport under the connection is up. The library keeps publishes while it dials and sends them
 * after the reconnect, so whoever must not resend asks this first.
 */
export function isTransportUp(connection: NatsConnection): boolean {
  const protocol = protocolOf(connection)
  return protocol.connected && !protocol.isClosed()
}

function protocolOf(connection: NatsConnection): NatsConnectionImpl['protocol'] {
  if (connection instanceof NatsConnectionImpl) return connection.protocol
  throw new TypeError('use NATS: the connection is not one of @nats-io/nats-core, its protocol handler is needed')
}
