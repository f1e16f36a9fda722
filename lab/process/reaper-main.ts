// The reaper: a process of its own that outlives the lab by a moment. Its standard input is a pipe from the lab. When the pipe ends, because the lab
// closed it or was killed in any way, everything that the lab started is killed and its temporary folder removed.
// Lines: "watch <pid> <started at>", "forget <pid>", "remove <folder>", "mark <text>"; the first ones come as an argument.
import { readdir, readFile, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { identify, type ProcessIdentity, signalProcess } from './identity.ts'

const ROUNDS_MAX = 200
const ROUND_MS = 25

const watched = new Map<number, ProcessIdentity>()
const folders = new Set<string>()
let mark: string | undefined

function obey(line: string): void {
  const [word = '', ...rest] = line.split(' ')
  const text = rest.join(' ')
  const pid = Number(rest[0])
  if (word === 'watch') watched.set(pid, { pid, startedAt: rest.slice(1).join(' ') })
  else if (word === 'forget') watched.delete(pid)
  else if (word === 'remove') folders.add(text)
  else if (word === 'mark') mark = text
}

/**
 * Processes that carry the lab's mark in their environment. This catches a child that was started in the instant before the lab died, when it was not
 * yet announced. Only Linux shows environments; elsewhere that instant stays open.
 */
async function findMarked(): Promise<ProcessIdentity[]> {
  if (mark === undefined || process.platform !== 'linux') return []
  const wanted = mark
  const found: ProcessIdentity[] = []
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    const environment = await readFile(`/proc/${entry}/environ`, 'utf8').catch(() => '')
    if (!environment.split('\0').includes(wanted)) continue
    const identity = await identify(pid)
    if (identity !== undefined) found.push(identity)
  }
  return found
}

/** SIGKILL also ends a process that is stopped; the rounds go on until nobody is left. */
async function killAll(): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const targets = [...watched.values(), ...(await findMarked())]
    const alive = await Promise.all(targets.map((target) => signalProcess(target, 'SIGKILL')))
    if (!alive.includes(true)) return
    await delay(ROUND_MS)
  }
}

// The terminal's Ctrl-C and a closing terminal are the lab's to handle.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => {})

for (const line of (process.argv[2] ?? '').split('\n')) obey(line)
const input = createInterface({ input: process.stdin })
input.on('line', obey)
input.once('close', async () => {
  await killAll()
  for (const folder of folders) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit(0)
})
process.stdin.once('error', () => input.close())
