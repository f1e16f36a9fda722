// A lab in a process of its own, for reaper.test.ts: prints what it started, then stays.

import { spawn } from 'node:child_process'
import { Reaper, startLab } from '@landbridge/lab'

const lab = await startLab({ regions: ['one', 'two'], gateways: 0 })
await lab.region('one').pause('nats')
const reaper = new Reaper()
const unannounced = spawn('sleep', ['600'], {
  detached: true,
  stdio: 'ignore',
  env: { ...process.env, ...reaper.environment },
})
const pids = [...lab.regions.flatMap((region) => region.processes('nats').map(({ pid }) => pid)), unannounced.pid]
process.stdout.write(`${JSON.stringify({ stateDir: lab.stateDir, reaper: reaper.pid, pids })}\n`)
// The unannounced child alone does not keep this process up on every platform.
setInterval(() => {}, 60_000)
