import type { ServerHttp2Stream } from 'node:http2'
import { MeshError } from '@landbridge/core'
import type { ObservedCall } from './observed-call.ts'
import type { RequestRoom } from './request-room.ts'

/** Messages up to this size are received without asking for room. */
export const SMALL_REQUEST_BYTES = 16 * 1024
/** gRPC's framing: a flag that says whether the message is compressed, and its length. */
const HEAD_BYTES = 5

/** A message that begins to arrive, and the room that was taken for it. */
type Message = { takenBytes: number }
const SMALL: Message = { takenBytes: 0 }

/** What a meter needs. */
export type RequestMeterOptions = {
  readonly call: ObservedCall
  readonly stream: ServerHttp2Stream
  readonly room: RequestRoom
  /** In whose name room is taken. */
  readonly caller: string
  /** Whether the call has one request message. */
  readonly unary: boolean
  /** Largest request message, in bytes: what a compressed one may become. */
  readonly requestBytesMax: number
  /** Time for a unary request, or for one large message of a stream, to arrive. */
  readonly requestMs: number
  /** Why the caller may send no large message; undefined when it may. */
  readonly refusal: () => MeshError | undefined
  /** Ends the call. */
  readonly fail: (error: MeshError) => void
}

/**
 * Watches the request messages of one call arrive. grpc-js gathers each as a whole, up to 16 MiB, before anything of
 * ours sees it. Guarantees:
 * 1. A message that is not small is received only while there is room for all of it; HTTP/2 flow control stops the
 *    client until then. The room is given back when the message is with its handler, or the call is over.
 * 2. Who may send no large message is refused at its head.
 * 3. A request that does not arrive in time ends its call, and what was gathered of it is dropped.
 */
export class RequestMeter {
  readonly #options: RequestMeterOptions
  readonly #head = Buffer.alloc(HEAD_BYTES)
  #headFilled = 0
  #restBytes = 0
  /** Those that did not get to the handler yet, in their order. */
  readonly #messages: Message[] = []
  readonly #over = new AbortController()
  #timer: NodeJS.Timeout | undefined

  /** Must be made before anything is read, so that nothing is missed. */
  constructor(options: RequestMeterOptions) {
    this.#options = options
    options.stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    if (options.unary) this.#startTimer()
  }

  /** A message goes to the handler. */
  delivered(): void {
    // That of a unary call waits for the end of the request.
    if (!this.#options.unary) this.#giveBackFirst()
  }

  /** The request is complete. */
  halfClosed(): void {
    this.#stopTimer()
    if (this.#options.unary) this.#giveBackFirst()
  }

  /** The call is over. Idempotent. */
  close(): void {
    this.#stopTimer()
    this.#over.abort(new MeshError('cancelled', 'request: its call is over'))
    while (this.#messages.length > 0) this.#giveBackFirst()
  }

  #receive(chunk: Buffer): void {
    let offset = 0
    while (offset < chunk.length && !this.#over.signal.aborted) {
      if (this.#restBytes > 0) {
        const part = Math.min(this.#restBytes, chunk.length - offset)
        this.#restBytes -= part
        offset += part
        continue
      }
      const copied = chunk.copy(this.#head, this.#headFilled, offset)
      offset += copied
      this.#headFilled += copied
      if (this.#headFilled < HEAD_BYTES) return
      this.#headFilled = 0
      this.#restBytes = this.#head.readUInt32BE(1)
      this.#begin(this.#restBytes, this.#head[0] !== 0)
    }
  }

  #begin(bytes: number, compressed: boolean): void {
    const { refusal, fail, requestBytesMax } = this.#options
    const large = bytes > SMALL_REQUEST_BYTES
    const problem = large ? refusal() : undefined
    // grpc-js itself refuses what is too large, by this head.
    if (problem !== undefined) fail(problem)
    else if (bytes > requestBytesMax || !(large || compressed)) this.#messages.push(SMALL)
    else this.#take(compressed ? requestBytesMax : bytes)
  }

  #take(bytes: number): void {
    const { room, caller } = this.#options
    const message = { takenBytes: 0 }
    this.#messages.push(message)
    if (this.#timer === undefined) this.#startTimer()
    const waiting = room.take(caller, bytes, this.#over.signal)
    if (waiting === undefined) message.takenBytes = bytes
    else void this.#hold(message, bytes, waiting)
  }

  /** Receives nothing until there is room. */
  async #hold(message: Message, bytes: number, waiting: Promise<void>): Promise<void> {
    const { room, caller, call, stream } = this.#options
    // When grpc-js has paused it, `hold` alone keeps it so.
    const flowing = !stream.isPaused()
    call.hold()
    if (flowing) stream.pause()
    try {
      await waiting
    } catch {
      return
    }
    if (this.#over.signal.aborted) {
      room.giveBack(caller, bytes)
      return
    }
    message.takenBytes = bytes
    call.release()
    if (flowing) stream.resume()
  }

  #giveBackFirst(): void {
    const { room, caller } = this.#options
    const message = this.#messages.shift()
    if (message !== undefined && message.takenBytes > 0) room.giveBack(caller, message.takenBytes)
    if (this.#messages.length === 0 && !this.#options.unary) this.#stopTimer()
  }

  #startTimer(): void {
    this.#timer = setTimeout(() => this.#late(), this.#options.requestMs)
    this.#timer.unref()
  }

  #stopTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #late(): void {
    const { call, unary, requestMs, fail } = this.#options
    // It is we who do not read: the handler has enough for now.
    if (!unary && call.gateClosed) this.#startTimer()
    else fail(new MeshError('deadline_exceeded', `request: did not arrive within ${requestMs} ms, nothing was done`))
  }
}
