import type { Position } from '@landbridge/core'
import { encodeSkipped } from './responses.ts'

/** Skips are told this long after the first of them: a filter that lets little through must not cost a frame an event. */
const SKIP_INTERVAL_MS = 100

/** Tells a peer up to where was looked without finding anything for it: the newest place only, and never too early. */
export class SkipTeller {
  readonly #pullId: number
  readonly #send: (frame: Buffer) => void
  readonly #mayTell: () => boolean
  #untold: Position | undefined
  #timer: NodeJS.Timeout | undefined

  /** @param mayTell false while records that come before are not sent yet */
  constructor(pullId: number, send: (frame: Buffer) => void, mayTell: () => boolean) {
    this.#pullId = pullId
    this.#send = send
    this.#mayTell = mayTell
  }

  /** A record was looked at that does not pass. */
  skipped(position: Position): void {
    this.#untold = position
    this.#timer ??= setTimeout(() => this.#tell(), SKIP_INTERVAL_MS)
  }

  /** A record passes: it says where we are. */
  passed(): void {
    this.#untold = undefined
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #tell(): void {
    this.#timer = undefined
    const position = this.#untold
    if (position === undefined) return
    if (!this.#mayTell()) {
      this.skipped(position)
      return
    }
    this.#untold = undefined
    this.#send(encodeSkipped(this.#pullId, position))
  }
}
