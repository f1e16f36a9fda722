import { formatHybridTime, type HybridClock } from '../clock.ts'
import { encodeStringAttribute, encodeTimestampAttribute } from './attribute-writer.ts'

/** Attributes that the mesh sets on every event it stores; what a client says in them does not count. */
export const MeshAttribute = {
  /** String: the region that stored the event first. */
  origin: 'lborigin',
  /** String: hybrid logical time of storing, see `formatHybridTime`. */
  time: 'lbtime',
  /** Timestamp: time of storing by the gateway's clock, to the millisecond. */
  recordedTime: 'recordedtime',
  /** String: how the publisher proved itself. */
  authType: 'authtype',
  /** String: who the publisher is. */
  authId: 'authid',
} as const

/** Who stores events, and for whom. */
export type EventStamperOptions = {
  /** This region: the origin of what it stores. */
  readonly region: string
  /** Value of `authtype`. */
  readonly authType: string
  /** Value of `authid`. */
  readonly authId: string
  /** The region's clock, shared by all stampers of a process. */
  readonly clock: HybridClock
}

const NOTHING = Buffer.alloc(0)
const ZERO = 0x30

/**
 * Sets the mesh's attributes on events of one publisher. The attributes of one
 * millisecond differ only in the counter of `lbtime`, so they are encoded once a
 * millisecond and then copied, with the digits written over.
 */
export class EventStamper {
  readonly #clock: HybridClock
  readonly #head: Uint8Array
  readonly #tail: Uint8Array
  /** Encoded attributes; the counter's last digit is right before `#digitsEnd`. */
  #suffix: Buffer = NOTHING
  #digitsEnd = 0
  #ms = -1
  #physicalMs = -1

  constructor(options: EventStamperOptions) {
    this.#clock = options.clock
    this.#head = encodeStringAttribute(MeshAttribute.origin, options.region)
    this.#tail = Buffer.concat([
      encodeStringAttribute(MeshAttribute.authType, options.authType),
      encodeStringAttribute(MeshAttribute.authId, options.authId),
    ])
  }

  /**
   * A copy of the event with the mesh's attributes behind it, in one allocation.
   * `event` must have passed `scanEvent`. `extra`: more encoded attributes, which
   * win over all others.
   */
  stamp(event: Uint8Array, extra: Uint8Array = NOTHING): Uint8Array {
    const clock = this.#clock
    clock.advance()
    if (clock.ms !== this.#ms || clock.physicalMs !== this.#physicalMs) this.#encode(clock.ms, clock.physicalMs)
    const suffix = this.#suffix
    const length = event.length
    const stamped = Buffer.allocUnsafe(length + suffix.length + extra.length)
    stamped.set(event, 0)
    stamped.set(suffix, length)
    if (extra.length > 0) stamped.set(extra, length + suffix.length)
    let position = length + this.#digitsEnd
    for (let rest = clock.counter; rest > 0; rest = Math.trunc(rest / 10)) stamped[--position] = ZERO + (rest % 10)
    return stamped
  }

  #encode(ms: number, physicalMs: number): void {
    const time = encodeStringAttribute(MeshAttribute.time, formatHybridTime({ ms, counter: 0 }))
    const recorded = encodeTimestampAttribute(MeshAttribute.recordedTime, physicalMs)
    this.#suffix = Buffer.concat([this.#head, time, recorded, this.#tail])
    this.#digitsEnd = this.#head.length + time.length
    this.#ms = ms
    this.#physicalMs = physicalMs
  }
}
