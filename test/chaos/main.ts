import { randomInt } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type ChaosCommand, readArguments, usage } from './command/options.ts'
import { withPrivateMounts } from './command/private-mounts.ts'
import { describeFault } from './plan/fault.ts'
import { planFaults } from './plan/plan.ts'
import { problemsOf, summaryOf } from './report/report.ts'
import { runChaos } from './run-chaos.ts'
import { setupOf } from './setup.ts'

const command = readArguments(process.argv.slice(2))
if (command.kind === 'help') process.stdout.write(usage)
else if (command.kind === 'wrong') {
  process.stderr.write(`${command.problem}\n\n${usage}`)
  process.exitCode = 2
} else {
  const elsewhere = withPrivateMounts()
  // Not by itself: Node 26 was seen to wait for ever for a handle of a process that had long ended.
  process.exit(typeof elsewhere === 'number' ? elsewhere : await runAll(command, elsewhere === 'here'))
}

async function runAll(command: RunCommand, disks: boolean): Promise<number> {
  const { runs, minutes, rate, profile, folder, keep, planOnly, only } = command
  const whole = setupOf(profile, rate, disks)
  const setup = { ...whole, ground: { ...whole.ground, only } }
  if (!disks) console.log('no full disks: they take Linux and root')
  const durationMs = minutes * 60_000
  const first = command.seed ?? randomInt(1_000_000_000)
  const failed: number[] = []
  for (let seed = first; seed < first + runs; seed++) {
    if (planOnly) {
      for (const { id, atMs, forMs, fault } of planFaults({
        seed,
        durationMs,
        everyMs: setup.faultEveryMs,
        ground: setup.ground,
      })) {
        console.log(`#${id} at ${atMs} ms for ${forMs} ms: ${describeFault(fault)}`)
      }
      continue
    }
    const own = resolve(folder, `seed-${seed}`)
    await rm(own, { recursive: true, force: true })
    const report = await runChaos({ seed, durationMs, setup, folder: own, say: (line) => console.log(line) })
    console.log(`\n${summaryOf(report)}\n`)
    if (problemsOf(report).length > 0) failed.push(seed)
    else if (!keep) await rm(join(own, 'lab'), { recursive: true, force: true })
  }
  if (failed.length > 0)
    console.log(`failed seeds: ${failed.join(', ')}; again: make chaos SEED=${failed[0]} MINUTES=${minutes}`)
  return failed.length > 0 ? 1 : 0
}

type RunCommand = Extract<ChaosCommand, { readonly kind: 'run' }>
