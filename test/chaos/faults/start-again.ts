import { setTimeout as sleep } from 'node:timers/promises'
import type { LabRegion } from '@landbridge/lab'

const START_TRIES_MAX = 5

/** One process of a region. */
export type ProcessName = { readonly role: 'gateway' | 'nats'; readonly index: number }

/** What starting takes of a region. */
export type Starter = Pick<LabRegion, 'start' | 'kill'>

/** As a supervisor does: a gateway that finds no NATS gives up after a while, and is started once more. */
export async function startAgain(region: Starter, role: ProcessName['role'], index: number): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await region.start(role, { index })
      return
    } catch (error) {
      if (tries === START_TRIES_MAX) throw error
    }
  }
}

/** Starts a process, kills it after so long, whether it was ready by then or not, and starts it for good. */
export async function killWhileStarting(
  region: Starter,
  { role, index, againAfterMs }: ProcessName & { readonly againAfterMs: number },
): Promise<void> {
  const killed = sleep(againAfterMs).then(() => region.kill(role, { index }))
  // A start that is broken off fails; the last one counts.
  const begun = region.start(role, { index }).catch(() => {})
  await Promise.all([begun, killed])
  await startAgain(region, role, index)
}
