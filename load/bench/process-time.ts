import { readFile } from 'node:fs/promises'

// Linux fixes USER_HZ at 100 for every architecture that Node runs on; the kernel's own tick rate does not show here.
const TICK_MS = 10

/**
 * CPU time that a process of this machine has used so far, user and system together, of all its threads, in ms (10 ms steps).
 * @returns undefined where there is no /proc
 * @throws {Error} when the process is gone
 */
export async function processCpuMs(pid: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined
  return parseCpuMs(await readFile(`/proc/${pid}/stat`, 'utf8'))
}

/** Reads the text of /proc/<pid>/stat. */
export function parseCpuMs(stat: string): number {
  // The name in parentheses may hold spaces and parentheses of its own; fields are counted behind the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  if (!Number.isFinite(ticks))
    throw new Error(`read CPU time: "${stat.slice(0, 80)}", wanted the format of /proc/<pid>/stat`)
  return ticks * TICK_MS
}
