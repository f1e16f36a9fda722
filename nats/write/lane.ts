import type { MeshError, MeshErrorCode } from '@landbridge/core'

/** Codes after which a later attempt may succeed. */
const PASSING: ReadonlySet<MeshErrorCode> = new Set([
  'unavailable',
  'deadline_exceeded',
  'resource_exhausted',
  'aborted',
  'internal',
])

/** True for a failure that a later attempt may not meet: whoever wants order must not store anything behind it now. */
export function mayPass(error: MeshError): boolean {
  return PASSING.has(error.code) || error.retryAfterMs !== undefined
}

/** What one caller stores in one writer, in an order that a failure must not change. Broken for good by the first. */
export class Lane {
  readonly #onBreak: () => void
  #broken = false

  constructor(onBreak: () => void) {
    this.#onBreak = onBreak
  }

  get broken(): boolean {
    return this.#broken
  }

  /** A request of it failed and may be sent again: what is behind it must wait for that. */
  break(): void {
    if (this.#broken) return
    this.#broken = true
    this.#onBreak()
  }
}
