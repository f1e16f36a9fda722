import { readFile } from 'node:fs/promises'

/** What a nats-server holds. */
export type ServerFigures = { readonly streams: number; readonly consumers: number; readonly messages: number }

/** Reads them from the server's monitoring page. */
export async function serverFigures(monitorUrl: string): Promise<ServerFigures> {
  const response = await fetch(`${monitorUrl}/jsz`)
  if (!response.ok) throw new Error(`read ${monitorUrl}/jsz: ${response.status}`)
  const { streams, consumers, messages } = (await response.json()) as ServerFigures
  return { streams, consumers, messages }
}

/** Memory that a process of this machine occupies, in MiB. */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  if (kibibytes === undefined) throw new Error(`read memory of ${pid}: no VmRSS in /proc/${pid}/status`)
  return Number(kibibytes) / 1_024
}
