import { parseSign } from '@landbridge/core'
import { EntryWatch } from '@landbridge/nats'
import type { Log } from '@landbridge/service'
import type { RegionAccess } from './region-access.ts'
import { type Following, SignBoard } from './sign-board.ts'

/** What following the gateways' signs needs. */
export type GatewaySignsOptions = {
  readonly access: RegionAccess
  readonly replicas: number
  readonly log: Log
  /** A gateway came, or runs another configuration; or it is known by now which there are. */
  readonly onMoved: () => void
}

/** After a reconnect, and at first, signs are on their way: until then nobody knows. Gateways sign every second. */
const SETTLE_MS = 3_000
const SETTLE_MARGIN_MS = 50

/** What the gateways of a region say that they run. */
export class GatewaySigns implements AsyncDisposable {
  readonly #options: GatewaySignsOptions
  readonly #board = new SignBoard()
  readonly #watch: EntryWatch
  readonly #stopFollowing: () => void
  #connectedAt = performance.now()
  #settling: NodeJS.Timeout | undefined

  constructor(options: GatewaySignsOptions) {
    const { access, replicas, log } = options
    this.#options = options
    this.#stopFollowing = access.session.onChange(({ connected }) => {
      this.#connectedAt = performance.now()
      if (connected) this.#settleSoon()
    })
    this.#settleSoon()
    this.#watch = new EntryWatch({
      session: access.session,
      keyValue: access.signs,
      replicas,
      log,
      listener: {
        onEntry: (key, value, { stampNs }) => this.#take(key, value, Number(stampNs / 1_000_000n)),
        onCaughtUp: () => undefined,
        onRestart: () => this.#board.clear(),
      },
    })
  }

  /** Gateways that run at least this revision; undefined while nobody knows. */
  following(revision: number): Following | undefined {
    const now = performance.now()
    const { connected } = this.#options.access.session
    return connected && now - this.#connectedAt >= SETTLE_MS ? this.#board.following(revision, now) : undefined
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#stopFollowing()
    clearTimeout(this.#settling)
    await this.#watch.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #settleSoon(): void {
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => this.#options.onMoved(), SETTLE_MS + SETTLE_MARGIN_MS)
  }

  #take(key: string, value: string | undefined, stampMs: number): void {
    if (value === undefined) {
      this.#board.left(key)
      return
    }
    const sign = parseSign(value)
    if (sign !== undefined && this.#board.saw(key, sign, stampMs, performance.now())) this.#options.onMoved()
  }
}
