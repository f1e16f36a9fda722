import { setTimeout as delay } from 'node:timers/promises'
import { differences, machineState, packetRules, RUN_VARIABLE } from './machine-state.ts'
import { clusterTools } from './programs.ts'

/** The kernel takes namespaces apart after the last of their processes has ended. */
const SETTLE_MS = 15_000

/**
 * Runs something, and compares the machine before and after it.
 * @returns its exit status; 1 when it left something, which is printed
 */
export async function leavesNothing(run: () => Promise<number>): Promise<number> {
  const { tools, libraryPath } = await clusterTools()
  const mark = String(process.pid)
  const look = () => machineState(mark, packetRules(tools.nft ?? 'nft', libraryPath))
  const before = look()
  // Whatever it starts inherits this; our own environment stays as it was when we began.
  process.env[RUN_VARIABLE] = mark
  const code = await run()
  const deadline = performance.now() + SETTLE_MS
  let left = differences(before, look())
  while (left.length > 0 && performance.now() < deadline) {
    await delay(500)
    left = differences(before, look())
  }
  if (left.length === 0) {
    console.log('e2e: the machine is as it was before')
    return code
  }
  process.stderr.write(`e2e: the machine is not as it was before:\n  ${left.join('\n  ')}\n`)
  return code === 0 ? 1 : code
}
