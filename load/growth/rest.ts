/**
 * A reader goes to sleep 40 to 50 seconds after its last record. A count that has not fallen for longer than that will not fall any more: somebody's
 * reader does not sleep.
 */
const STANDS_MS = 55_000
const LIMIT_MS = 120_000

/** How far a mesh is on its way to rest. */
export type RestState =
  /** Readers still go to sleep. */
  | { readonly kind: 'settling' }
  | { readonly kind: 'at-rest' }
  /** So many consumers stay that a mesh without topics does not have: what is measured now is not a mesh at rest. */
  | { readonly kind: 'awake'; readonly readers: number }

/** Tells by the number of JetStream consumers when all readers of a mesh sleep. Times are milliseconds and never go back. */
export class RestWatch {
  readonly #consumersWithoutTopics: number
  readonly #beganMs: number
  #lowest = Number.POSITIVE_INFINITY
  #lowestSinceMs: number

  /** @param consumersWithoutTopics of all regions together */
  constructor(consumersWithoutTopics: number, nowMs: number) {
    this.#consumersWithoutTopics = consumersWithoutTopics
    this.#beganMs = nowMs
    this.#lowestSinceMs = nowMs
  }

  /** Takes the number of consumers in all regions together. */
  look(consumers: number, nowMs: number): RestState {
    if (consumers < this.#lowest) {
      this.#lowest = consumers
      this.#lowestSinceMs = nowMs
    }
    const readers = consumers - this.#consumersWithoutTopics
    if (readers <= 0) return { kind: 'at-rest' }
    const isOver = nowMs - this.#lowestSinceMs >= STANDS_MS || nowMs - this.#beganMs >= LIMIT_MS
    return isOver ? { kind: 'awake', readers } : { kind: 'settling' }
  }
}
