import type { Mesh } from '@landbridge/client'

/** A service in one region that reads every topic of the demo and counts what it is shown. */
export class Subscriber {
  delivered = 0
  /** Events it was shown more than once. */
  repeated = 0
  failure: Error | undefined
  readonly #seen = new Set<string>()

  /** Reads until the signal aborts. */
  async run(mesh: Mesh, topics: readonly string[], signal: AbortSignal): Promise<void> {
    await Promise.all(topics.map((topic) => this.#read(mesh, topic, signal)))
  }

  async #read(mesh: Mesh, topic: string, signal: AbortSignal): Promise<void> {
    try {
      for await (const { event } of mesh.subscribe(topic, { from: 'earliest', signal })) {
        const identity = `${event.source} ${event.id}`
        if (this.#seen.has(identity)) this.repeated++
        this.#seen.add(identity)
        this.delivered++
      }
    } catch (cause) {
      if (!signal.aborted) this.failure ??= cause instanceof Error ? cause : new Error(String(cause))
    }
  }
}
