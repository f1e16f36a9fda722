/** Wakes one waiter; a notice that nobody waits for is kept for the next wait. */
export class Signal {
  #resolve: (() => void) | undefined
  #pending = false

  notify(): void {
    const resolve = this.#resolve
    this.#resolve = undefined
    if (resolve === undefined) this.#pending = true
    else resolve()
  }

  /** Resolves with false at a notice, or with true when none came within `timeoutMs` (default: waits for as long as it takes). One waiter at a time. */
  wait(timeoutMs?: number): Promise<boolean> {
    if (this.#pending) {
      this.#pending = false
      return Promise.resolve(false)
    }
    return new Promise((resolve) => {
      const late = () => {
        this.#resolve = undefined
        resolve(true)
      }
      const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs)
      this.#resolve = () => {
        clearTimeout(timer)
        resolve(false)
      }
    })
  }
}
