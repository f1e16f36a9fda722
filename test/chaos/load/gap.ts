/**
 * The longest time in which something waited for its acknowledgement and none came: what the publishers of a region feel
 * as unavailability. Times are milliseconds and never go back.
 */
export class GapMeter {
  /** The longest so far. */
  worstMs = 0
  #underWay = 0
  #lastProgressMs = 0

  sent(atMs: number): void {
    if (this.#underWay === 0) this.#lastProgressMs = atMs
    this.#underWay++
  }

  acknowledged(atMs: number): void {
    this.#underWay--
    this.worstMs = Math.max(this.worstMs, atMs - this.#lastProgressMs)
    this.#lastProgressMs = atMs
  }

  /** Given up: no progress. */
  failed(atMs: number): void {
    this.#underWay--
    this.worstMs = Math.max(this.worstMs, atMs - this.#lastProgressMs)
  }
}
