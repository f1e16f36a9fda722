import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/** One process, told apart from a later one that was given the same number. */
export type ProcessIdentity = {
  readonly pid: number
  /** When it started, in the words of the operating system; only compared for equality. */
  readonly startedAt: string
}

/** Who runs under this number now; undefined when nobody does (a zombie counts as nobody). */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const startedAt = process.platform === 'linux' ? await startOnLinux(pid) : await startByPs(pid)
  return startedAt === undefined ? undefined : { pid, startedAt }
}

/**
 * Sends a signal to that very process and to no other that may have inherited its number.
 * @returns false when it is gone
 */
export async function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<boolean> {
  const current = await identify(identity.pid)
  if (current?.startedAt !== identity.startedAt) return false
  try {
    process.kill(identity.pid, signal)
    return true
  } catch {
    return false
  }
}

async function startOnLinux(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // The second field, the program's name in parentheses, may itself hold spaces and parentheses.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields === undefined || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

async function startByPs(pid: number): Promise<string | undefined> {
  const output = await promisify(execFile)('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]).catch(() => undefined)
  const text = output?.stdout.trim() ?? ''
  return text === '' || text.startsWith('Z') ? undefined : text.slice(text.indexOf(' ') + 1).trim()
}
