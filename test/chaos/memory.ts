import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '@landbridge/lab'

const EVERY_MS = 1_000
const MIB = 1024 * 1024

/** The most memory that each gateway was seen to have, MiB by its name. Empty where the system has no /proc. */
export class MemoryMeter {
  readonly worstMiB: Record<string, number> = {}
  /** The last sample. */
  readonly lastMiB: Record<string, number> = {}

  /** Samples until the signal aborts. Never rejects. */
  async run(lab: Lab, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const region of lab.regions) {
        for (const { spec, pid } of region.processes('gateway')) {
          const mib = pid === undefined ? undefined : await residentMiB(pid)
          if (mib === undefined) continue
          this.lastMiB[spec.name] = mib
          this.worstMiB[spec.name] = Math.max(mib, this.worstMiB[spec.name] ?? 0)
        }
      }
      await sleep(EVERY_MS, undefined, { signal }).catch(() => {})
    }
  }
}

async function residentMiB(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  return kib === undefined ? undefined : Math.round((Number(kib) * 1024) / MIB)
}
