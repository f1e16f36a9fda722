import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { identify, Reaper } from '@landbridge/lab'
import { expect, test } from 'vitest'
import { until } from './until.ts'

type Report = { readonly stateDir: string; readonly reaper: number; readonly pids: readonly number[] }

/** Runs labs in a process of their own, so that it can be killed. */
async function startVictim() {
  const child = spawn(process.execPath, [`${import.meta.dirname}/reaper-victim.ts`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const died = once(child, 'exit').then(() => Promise.reject(new Error('start victim: it ended, wanted a report')))
  died.catch(() => {})
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), died])
  return { child, report: JSON.parse(line) as Report, [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

async function alive(pids: readonly number[]): Promise<number> {
  return (await Promise.all(pids.map(identify))).filter((identity) => identity !== undefined).length
}

test('nothing outlives a lab whose process is killed, not even what is paused or was never announced', async () => {
  using victim = await startVictim()
  const { stateDir, reaper, pids } = victim.report
  expect(await alive(pids)).toBe(pids.length)
  expect(existsSync(stateDir)).toBe(true)
  victim.child.kill('SIGKILL')
  await until('every process is gone', async () => (await alive([...pids, reaper])) === 0)
  expect(existsSync(stateDir)).toBe(false)
})

test('a killed reaper is replaced and knows what its predecessor knew', async () => {
  using victim = await startVictim()
  const { reaper, pids } = victim.report
  process.kill(reaper, 'SIGKILL')
  // The victim has two: its lab's, and the one that was killed.
  const reapers = await until('another reaper is there', async () => {
    const found = await findReapers(victim.child.pid)
    return found.length === 2 && !found.includes(reaper) ? found : undefined
  })
  victim.child.kill('SIGKILL')
  await until('every process is gone', async () => (await alive([...pids, ...reapers])) === 0)
})

test('a process that inherited the number of a watched one is left alone', async () => {
  const bystander = spawn('sleep', ['60'], { stdio: 'ignore' })
  try {
    await once(bystander, 'spawn')
    const pid = bystander.pid ?? 0
    const reaper = new Reaper()
    reaper.watch({ pid, startedAt: 'long before' })
    await reaper.close()
    expect(await identify(pid)).toBeDefined()
  } finally {
    bystander.kill('SIGKILL')
  }
})

async function findReapers(parent: number | undefined): Promise<number[]> {
  const ps = spawn('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { stdio: ['ignore', 'pipe', 'ignore'] })
  const found: number[] = []
  for await (const line of createInterface({ input: ps.stdout })) {
    const [pid, ppid, state = '', ...words] = line.trim().split(/\s+/)
    const isReaper = words.join(' ').includes('reaper-main') && !state.startsWith('Z')
    if (Number(ppid) === parent && isReaper) found.push(Number(pid))
  }
  return found
}
