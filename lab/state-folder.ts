import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { identify } from './process/identity.ts'

/** nats-servers in each region, by its name. */
type Nodes = Readonly<Record<string, number>>

type Owner = { readonly pid: number; readonly startedAt: string; readonly nodes: Nodes }

/** The one folder that holds a lab's state. */
export class StateFolder implements AsyncDisposable {
  readonly path: string
  /** It was made for this run and goes with it. */
  readonly temporary: boolean

  private constructor(path: string, temporary: boolean) {
    this.path = path
    this.temporary = temporary
  }

  /**
   * Makes a temporary folder, or takes the given one.
   * @throws {Error} when another living lab uses it, or it holds a region with another number of nodes
   */
  static async open(path: string | undefined, nodes: Nodes): Promise<StateFolder> {
    if (path === undefined) return new StateFolder(await mkdtemp(join(tmpdir(), 'landbridge-lab-')), true)
    const folder = new StateFolder(resolve(path), false)
    await mkdir(folder.path, { recursive: true, mode: 0o700 })
    const before = await folder.#readOwner()
    if (before !== undefined) {
      const alive = await identify(before.pid)
      if (alive?.startedAt === before.startedAt) {
        throw new Error(
          `open state folder: ${folder.path} is used by process ${before.pid}, wanted a folder of its own`,
        )
      }
      for (const [region, count] of Object.entries(nodes)) {
        const held = before.nodes[region] ?? count
        if (held === count) continue
        throw new Error(`open state folder: ${folder.path} holds ${region} with ${held} nodes, wanted ${count}`)
      }
    }
    const self = await identify(process.pid)
    const owner: Owner = { pid: process.pid, startedAt: self?.startedAt ?? '', nodes }
    await writeFile(folder.#ownerFile, JSON.stringify(owner))
    return folder
  }

  /** A path inside. */
  at(...names: readonly string[]): string {
    return join(this.path, ...names)
  }

  /** Removes a temporary folder; gives a lasting one back. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.temporary) {
      await rm(this.path, { recursive: true, force: true, maxRetries: 5 })
      return
    }
    const owner = await this.#readOwner()
    if (owner !== undefined) await writeFile(this.#ownerFile, JSON.stringify({ ...owner, startedAt: 'ended' }))
  }

  get #ownerFile(): string {
    return this.at('lab.json')
  }

  async #readOwner(): Promise<Owner | undefined> {
    const text = await readFile(this.#ownerFile, 'utf8').catch(() => undefined)
    return text === undefined ? undefined : (JSON.parse(text) as Owner)
  }
}
