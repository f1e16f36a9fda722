import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** Kills a process when this one ends, also by failing or by a signal; only a SIGKILL of this one gets past it. Returns what kills it now. */
export function killAtExit(child: ChildProcess): () => void {
  const killChild = () => void child.kill('SIGKILL')
  process.once('exit', killChild)
  child.once('exit', () => process.off('exit', killChild))
  return killChild
}

/** Ends a process with SIGTERM, with SIGKILL after `graceMs`; waits until it is gone. */
export async function endProcess(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await exited
  clearTimeout(force)
}
