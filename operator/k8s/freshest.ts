import { KubeError } from './kube-error.ts'
import type { KubeObject } from './types.ts'

const TRIES_MAX = 5

/**
 * Writes upon the version of an object that was seen. When somebody else changed it in between, it is read again, and
 * written upon that, if what was decided still holds: in a storm of changes by others a write gets through all the same.
 * @param read The object now; undefined when it is gone
 * @param holds Whether what is to be written is still right for the object as it is now
 * @throws KubeError, a conflict when it does not hold any more, or after five tries
 */
export async function writeFreshest<T extends KubeObject>(
  object: T,
  steps: {
    readonly write: (object: T) => Promise<T>
    readonly read: () => Promise<T | undefined>
    readonly holds: (object: T) => boolean
    /** Hears of the write: what it was made upon, and what came of it. */
    readonly onWritten?: (before: T, written: T) => void
  },
): Promise<T> {
  let current = object
  for (let tries = 1; ; tries++) {
    try {
      const written = await steps.write(current)
      steps.onWritten?.(current, written)
      return written
    } catch (error) {
      if (!(error instanceof KubeError && error.isConflict) || tries >= TRIES_MAX) throw error
      const fresh = await steps.read()
      if (fresh === undefined || fresh.metadata.uid !== object.metadata.uid || !steps.holds(fresh)) throw error
      current = fresh
    }
  }
}
