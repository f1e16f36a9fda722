import { type Responder, ServerInterceptingCall, type ServerInterceptingCallInterface } from '@grpc/grpc-js'

/**
 * A call as our interceptors see it, with a gate in front of reading: while it is closed no further request message is
 * taken off the wire, so that HTTP/2 flow control stops the client. `pause()` on a grpc-js stream does not do that: it
 * goes on to read 16 messages, of up to 16 MiB each.
 */
export class ObservedCall extends ServerInterceptingCall {
  /** What grpc-js handed to the first interceptor; see `sessionOf`. */
  readonly base: ServerInterceptingCallInterface
  #closed = false
  #held = false
  #readWanted = false

  constructor(base: ServerInterceptingCallInterface, responder: Responder) {
    super(base, responder)
    this.base = base
  }

  override startRead(): void {
    if (this.#closed || this.#held) this.#readWanted = true
    else super.startRead()
  }

  /** Whether its handler wants to read no further for now. */
  get gateClosed(): boolean {
    return this.#closed
  }

  /** Stops reading after the message that may be on its way. */
  closeGate(): void {
    this.#closed = true
  }

  /** Goes on reading. */
  openGate(): void {
    this.#closed = false
    this.#readOn()
  }

  /** A second gate in series, for the message that is on its way: there is no room for it yet. */
  hold(): void {
    this.#held = true
  }

  /** There is room. */
  release(): void {
    this.#held = false
    this.#readOn()
  }

  #readOn(): void {
    if (this.#closed || this.#held || !this.#readWanted) return
    this.#readWanted = false
    super.startRead()
  }
}
