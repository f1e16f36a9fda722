import { readFile } from 'node:fs/promises'

/** Memory that a process of this machine occupies, in MiB. */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  if (kibibytes === undefined) throw new Error(`read memory of ${pid}: no VmRSS in /proc/${pid}/status`)
  return Number(kibibytes) / 1_024
}
