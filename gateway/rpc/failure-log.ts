import type { Log } from '../telemetry/index.ts'

const LINES_MAX = 50
const SPAN_MS = 1000

/** Logs calls that failed: each one, but at most 50 a second, then their number. Callers must not fill our disks. */
export class FailureLog {
  readonly #log: Log
  #spanBegan = 0
  #lines = 0
  #left = 0

  constructor(log: Log) {
    this.#log = log
  }

  /** One call failed. */
  log(fields: Readonly<Record<string, unknown>>): void {
    const now = performance.now()
    if (now - this.#spanBegan > SPAN_MS) {
      if (this.#left > 0) this.#log.info({ count: this.#left }, 'further calls failed')
      this.#spanBegan = now
      this.#lines = 0
      this.#left = 0
    }
    this.#lines += 1
    if (this.#lines <= LINES_MAX) this.#log.info(fields, 'call failed')
    else this.#left += 1
  }
}
