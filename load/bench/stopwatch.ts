import type { Throughput } from './contender.ts'

/** Counts acknowledged events inside a measured stretch of time, and the CPU time of this process over all of it. */
export class Stopwatch {
  readonly #startMs = performance.now()
  readonly #startCpu = process.cpuUsage()
  readonly #limitMs: number
  #events = 0
  #eventsInAll = 0
  #lastMs = this.#startMs

  /** @param seconds events after this time count as late: work done, but not for the rate. Default: no limit */
  constructor(seconds = Number.POSITIVE_INFINITY) {
    this.#limitMs = seconds * 1_000
  }

  /** True while the time is not over. */
  get running(): boolean {
    return performance.now() - this.#startMs < this.#limitMs
  }

  /** `count` more were acknowledged. */
  acknowledged(count: number): void {
    this.#lastMs = performance.now()
    this.#eventsInAll += count
    if (this.#lastMs - this.#startMs <= this.#limitMs) this.#events += count
  }

  /** Call after the last answer. Without a limit the time ends at the last acknowledged event. */
  stop(): Throughput {
    const cpu = process.cpuUsage(this.#startCpu)
    const elapsedMs = Number.isFinite(this.#limitMs) ? this.#limitMs : this.#lastMs - this.#startMs
    return { events: this.#events, eventsInAll: this.#eventsInAll, elapsedMs, cpuMs: (cpu.user + cpu.system) / 1_000 }
  }
}
