/**
 * The longest time in which something waited for its acknowledgement and none came: what a publisher feels as
 * unavailability. An attempt that is given up ends nothing: the wait goes on with the next one. Times are milliseconds
 * and never go back.
 */
export class GapMeter {
  /** The longest so far. */
  worstMs = 0
  #underWay = 0
  #lastProgressMs = 0
  #atRest = true

  sent(atMs: number): void {
    if (this.#atRest) this.#lastProgressMs = atMs
    this.#atRest = false
    this.#underWay++
  }

  acknowledged(atMs: number): void {
    this.#underWay--
    this.#take(atMs)
    this.#lastProgressMs = atMs
    this.#atRest = this.#underWay === 0
  }

  /** Given up: no progress, and no rest. */
  failed(atMs: number): void {
    this.#underWay--
    this.#take(atMs)
  }

  #take(atMs: number): void {
    this.worstMs = Math.max(this.worstMs, atMs - this.#lastProgressMs)
  }
}
