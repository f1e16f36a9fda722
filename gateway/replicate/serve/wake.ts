/** Wakes one waiter; a notice that nobody waits for is kept for the next wait. */
export class Wake {
  #resolve: (() => void) | undefined
  #noticed = false

  /** Something changed. */
  notify(): void {
    this.#noticed = true
    this.#resolve?.()
  }

  /** Resolves at the next notice, or after `timeoutMs`. */
  async wait(timeoutMs?: number): Promise<void> {
    if (!this.#noticed) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#resolve = resolve
      const timer = timeoutMs === undefined ? undefined : setTimeout(resolve, timeoutMs)
      await promise
      clearTimeout(timer)
      this.#resolve = undefined
    }
    this.#noticed = false
  }
}
