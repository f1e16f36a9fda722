import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { removeGroups } from './control-groups.ts'

const GONE_MS = 30_000

/** What a run makes outside of its namespaces, written down before it is made. */
export type Made = {
  readonly pid: number
  /** Start of the process in clock ticks after boot: a pid may be another's later. */
  readonly startedAt: string
  readonly groups: readonly string[]
  readonly folders: readonly string[]
}

/** The record of what the run in this folder has made. */
export class Leftovers {
  readonly #file: string

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    this.#file = join(folder, 'made.json')
  }

  /** Removes what an earlier run left when it was killed. @throws Error while that run goes on */
  async clear(): Promise<void> {
    if (!existsSync(this.#file)) return
    const made: Made = JSON.parse(readFileSync(this.#file, 'utf8'))
    if (made.pid !== process.pid && startOf(made.pid) === made.startedAt) {
      throw new Error(`cluster: process ${made.pid} runs one from this folder, wanted it to end first`)
    }
    await removeGroups(made.groups, GONE_MS)
    for (const folder of made.folders) if (existsSync(folder)) rmdirSync(folder)
    rmSync(this.#file)
  }

  record(groups: readonly string[], folders: readonly string[]): void {
    const made: Made = { pid: process.pid, startedAt: startOf(process.pid) ?? '', groups, folders }
    writeFileSync(this.#file, JSON.stringify(made))
  }
}

function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // It has ended, and nobody has asked how.
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
