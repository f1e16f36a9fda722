import {
  blockedUntil,
  chooseUpstream,
  NO_ROUTE,
  type Position,
  type RouteState,
  servedWell,
  type TroubleKind,
  withoutTrouble,
  withTrouble,
} from '@landbridge/core'
import type { LinkStream } from '../link/link-stream.ts'
import type { RouteListener, RouteTable } from './route-table.ts'

/** Where a run gets its records. */
export type Upstream = { readonly region: string; readonly stream: LinkStream }

/** What a route needs. */
export type PullRouteOptions = {
  readonly table: RouteTable
  readonly topicKey: string
  readonly origin: string
  /** 0 (included) to 1 (excluded). */
  readonly random: () => number
  /** The origin's last record that is here, as far as known. */
  position(): Position
  /** Another upstream is better than the one in use: leave it. May be called again while that takes its time. */
  onMove(to: string): void
}

/** The way that one pull takes: what `chooseUpstream` says, at every change of what it depends on. */
export class PullRoute implements RouteListener {
  readonly topicKey: string
  readonly origin: string
  readonly #options: PullRouteOptions
  #state: RouteState = NO_ROUTE
  /** Where the run is open now. */
  #inUse: string | undefined
  #timer: NodeJS.Timeout | undefined
  #waiting: ((upstream: Upstream) => void) | undefined
  #closed = false

  constructor(options: PullRouteOptions) {
    this.#options = options
    this.topicKey = options.topicKey
    this.origin = options.origin
    options.table.addRoute(this)
    this.decide()
  }

  /** Where events come from, or would. */
  get upstream(): string | undefined {
    return this.#inUse ?? this.#state.current
  }

  /** The regions that may have the origin's events: itself, and relays that hold them or have not said. */
  holders(): { readonly region: string; readonly up: boolean }[] {
    return this.#options.table
      .candidates(this.topicKey, this.origin)
      .filter(({ region, allowed, up, held }) => region === this.origin || (allowed && (!up || held !== undefined)))
      .map(({ region, up }) => ({ region, up }))
  }

  /** Resolves with the upstream to use, once there is one; rejects when `signal` aborts. One call at a time. */
  next(signal: AbortSignal): Promise<Upstream> {
    this.#inUse = undefined
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const abort = () => {
        this.#waiting = undefined
        reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
      this.#waiting = (upstream) => {
        signal.removeEventListener('abort', abort)
        this.#waiting = undefined
        this.#inUse = upstream.region
        resolve(upstream)
      }
      this.decide()
    })
  }

  /** An upstream gave trouble. */
  trouble(region: string, kind: TroubleKind): void {
    const at = { nowMs: performance.now(), jitter: this.#options.random() }
    this.#state = { ...this.#state, troubles: withTrouble(this.#state.troubles, region, kind, at) }
    this.decide()
  }

  /** An upstream serves well. */
  good(region: string): void {
    this.#state = { ...this.#state, troubles: servedWell(this.#state.troubles, region) }
  }

  /** A relay does not hear the origin: of no use while somebody else may. Said again and again; once known, it is no news. */
  stale(region: string): void {
    if (blockedUntil(this.#state.troubles, region, performance.now()) === undefined) this.trouble(region, 'stale')
  }

  linkUp(region: string): void {
    this.#state = { ...this.#state, troubles: withoutTrouble(this.#state.troubles, region) }
  }

  decide(): void {
    if (this.#closed) return
    const { table, position } = this.#options
    const candidates = table.candidates(this.topicKey, this.origin)
    const view = { origin: this.origin, candidates, position: position(), nowMs: performance.now() }
    const { state, upstream, againMs } = chooseUpstream(this.#state, view)
    this.#state = state
    table.want(this, upstream !== this.origin)
    clearTimeout(this.#timer)
    this.#timer = againMs === undefined ? undefined : setTimeout(() => this.decide(), againMs - view.nowMs + 1)
    const stream = upstream === undefined ? undefined : table.stream(upstream)
    if (upstream === undefined || stream === undefined) return
    if (this.#waiting !== undefined) this.#waiting({ region: upstream, stream })
    else if (this.#inUse !== undefined && this.#inUse !== upstream) this.#options.onMove(upstream)
  }

  /** Ends it. Idempotent. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#options.table.removeRoute(this)
  }
}
