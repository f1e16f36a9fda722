import type { LabRegion } from '@landbridge/lab'

const START_TRIES_MAX = 5

/** As a supervisor does: a gateway that finds no NATS gives up after a while, and is started once more. */
export async function startAgain(region: LabRegion, role: 'gateway' | 'nats', index: number): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await region.start(role, { index })
      return
    } catch (error) {
      if (tries === START_TRIES_MAX) throw error
    }
  }
}
