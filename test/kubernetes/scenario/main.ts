import { diagnose } from './diagnose.ts'
import type { Step } from './step.ts'
import { CLEAN_UP } from './steps/clean-up.ts'
import { EVENTS } from './steps/events.ts'
import { FAULTS } from './steps/faults.ts'
import { INSTALL } from './steps/install.ts'
import { REMOVAL } from './steps/removal.ts'
import { RESOURCES } from './steps/resources.ts'
import { UPGRADE } from './steps/upgrade.ts'
import { World } from './world.ts'

/** `E2E_FROM=9` begins with that step, on a cluster where those before have passed. */
const STEPS: readonly Step[] = [...INSTALL, ...RESOURCES, ...EVENTS, ...FAULTS, ...UPGRADE, ...REMOVAL]

await using world = await World.open()
process.exitCode = await main()

/** Runs the steps, each building on those before, and cleans up whatever happens. */
async function main(): Promise<number> {
  const begin = performance.now()
  let passed = 0
  let failure: Error | undefined
  for (const step of STEPS.slice(Number(process.env.E2E_FROM ?? 0))) {
    failure = await tell(step)
    if (failure !== undefined) break
    passed++
  }
  if (failure !== undefined) {
    console.log(await diagnose(world))
    if (process.env.E2E_PAUSE !== undefined) {
      console.log('E2E_PAUSE is set: waiting; Ctrl-C ends it')
      await new Promise((resolve) => setTimeout(resolve, 3_600_000))
    }
  }
  const untidy = await tell(CLEAN_UP)
  const seconds = ((performance.now() - begin) / 1_000).toFixed(0)
  console.log(`e2e: ${passed} of ${STEPS.length} steps passed in ${seconds} s`)
  return failure === undefined && untidy === undefined ? 0 : 1
}

async function tell({ name, run }: Step): Promise<Error | undefined> {
  const begin = performance.now()
  process.stdout.write(`${name} ...\n`)
  const seconds = () => `${((performance.now() - begin) / 1_000).toFixed(1)} s`
  try {
    const seen = await run(world)
    console.log(`  ok in ${seconds()}${seen === '' ? '' : `: ${seen}`}`)
    return undefined
  } catch (error) {
    console.log(`  FAILED after ${seconds()}:`, error)
    return error instanceof Error ? error : new Error(String(error))
  }
}
