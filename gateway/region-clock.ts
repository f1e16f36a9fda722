import { betterEstimate, type ClockEstimate, clockErrorMs, clockSample, MeshError } from '@landbridge/core'
import type { NatsSession } from '@landbridge/nats'
import type { Log } from './telemetry/index.ts'

/** What a region clock needs. */
export type RegionClockOptions = {
  /** What the region's NATS says the time is, ms since 1970; rejects when it does not answer. */
  readonly ask: () => Promise<number>
  readonly session: Pick<NatsSession, 'onChange' | 'connected'>
  readonly log: Pick<Log, 'info' | 'warn'>
  /** This machine's clock, ms since 1970. Default `Date.now`. */
  readonly wall?: () => number
  /** Default `performance.now`. */
  readonly monotonic?: () => number
}

/** How often the server is asked: two clocks drift apart by less than 2 ms in this time. */
const ASK_INTERVAL_MS = 5_000
/** After an answer that failed or took long. */
const ASK_AGAIN_MS = 250
/** An answer that took longer than twice this tells too little. */
const ERROR_MS_MAX = 500
/** How far this machine's clock and its monotonic clock may part between two answers. */
const JUMP_MS_MAX = 1_000
/** Questions for the first answer. */
const FIRST_ATTEMPTS_MAX = 20
/** From here on the log says how wrong this machine's clock is. */
const WRONG_MS = 2_000

/**
 * The time of the region: what its NATS servers' clock says, as far as this process can know it. This machine's own
 * clock may be wrong by any amount; all gateways of a region agree, and agree with the stamps of what is stored.
 *
 * 1. `now` is right within `errorMs`: half of the time that one question took, the drift since then, and half a ms.
 * 2. It goes on by the monotonic clock, so it does not jump when this machine's clock is set.
 * 3. `inDoubt`: this machine's clock has jumped against the monotonic one since the last answer. It was set, or the
 *    machine slept; which of the two cannot be told, so nothing whose age matters may be stored until NATS was asked.
 */
export class RegionClock implements Disposable {
  readonly #options: RegionClockOptions
  readonly #wall: () => number
  readonly #monotonic: () => number
  readonly #stopFollowing: () => void
  #estimate: ClockEstimate
  /** This machine's clock minus the monotonic one at the last answer. */
  #anchorMs: number
  #timer: NodeJS.Timeout | undefined
  #asking = false
  #closed = false
  #warned = false

  private constructor(options: RegionClockOptions, first: ClockEstimate) {
    const { wall = Date.now, monotonic = () => performance.now() } = options
    this.#options = options
    this.#wall = wall
    this.#monotonic = monotonic
    this.#estimate = first
    this.#anchorMs = wall() - monotonic()
    this.#stopFollowing = options.session.onChange(({ connected }) => {
      if (connected) this.#askSoon(0)
    })
    this.#compare()
    this.#askSoon(ASK_INTERVAL_MS)
  }

  /** Asks until the time is known. @throws MeshError 'unavailable' when NATS does not tell. */
  static async open(options: RegionClockOptions): Promise<RegionClock> {
    const { monotonic = () => performance.now() } = options
    let cause: unknown
    for (let attempt = 0; attempt < FIRST_ATTEMPTS_MAX; attempt += 1) {
      try {
        const sample = await take(options.ask, monotonic)
        if (sample.errorMs <= ERROR_MS_MAX) return new RegionClock(options, sample)
      } catch (thrown) {
        cause = thrown
        await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
      }
    }
    throw new MeshError('unavailable', "start: the region's NATS does not tell the time", { cause })
  }

  /** The region's time, whole ms since 1970. Needs no `this`. */
  readonly now = (): number => Math.round(this.#monotonic() + this.#estimate.aheadMs)

  /** How far `now` can be wrong, ms. */
  get errorMs(): number {
    return clockErrorMs(this.#estimate, this.#monotonic()) + 0.5
  }

  /** What this machine's own clock is ahead of the region's, ms. */
  get ownAheadMs(): number {
    return this.#wall() - this.now()
  }

  /** Whether ages may not be believed now; see guarantee 3. */
  get inDoubt(): boolean {
    const doubt = Math.abs(this.#wall() - this.#monotonic() - this.#anchorMs) > JUMP_MS_MAX
    if (doubt && !this.#asking) this.#askSoon(0)
    return doubt
  }

  /** Ends its timer. Idempotent. */
  close(): void {
    this.#closed = true
    this.#stopFollowing()
    clearTimeout(this.#timer)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #askSoon(ms: number): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#ask(), ms).unref()
  }

  async #ask(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    let waitMs = ASK_INTERVAL_MS
    try {
      const anchorMs = this.#wall() - this.#monotonic()
      const sample = await take(this.#options.ask, this.#monotonic)
      if (sample.errorMs <= ERROR_MS_MAX) {
        this.#estimate = betterEstimate(this.#estimate, sample)
        this.#anchorMs = anchorMs
        this.#compare()
      } else {
        waitMs = ASK_AGAIN_MS
      }
    } catch {
      // Without NATS there is nothing to store, and it is asked at once when it is back.
      waitMs = this.#options.session.connected ? ASK_AGAIN_MS : ASK_INTERVAL_MS
    }
    this.#asking = false
    this.#askSoon(waitMs)
  }

  #compare(): void {
    const { log } = this.#options
    const aheadMs = Math.round(this.ownAheadMs)
    const wrong = Math.abs(aheadMs) >= WRONG_MS
    if (wrong && !this.#warned) log.warn({ aheadMs }, "this machine's clock is wrong: the time of the region counts")
    else if (!wrong && this.#warned) log.info({ aheadMs }, "this machine's clock is right again")
    this.#warned = wrong
  }
}

async function take(ask: () => Promise<number>, monotonic: () => number): Promise<ClockEstimate> {
  const sentMs = monotonic()
  const theirMs = await ask()
  return clockSample(sentMs, monotonic(), theirMs)
}
