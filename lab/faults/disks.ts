import { execFile } from 'node:child_process'
import { mkdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const SIZE_BYTES = 4 * 1024 ** 3
/** What a full one has left: less than a file system takes that is written to while it is measured. */
const SLACK_BYTES = 32 * 1024
const TRIES_MAX = 50

/** File systems in memory that can be made full, for the stores of nats-servers (Linux and root only). */
export class Disks implements AsyncDisposable {
  readonly #folders = new Map<string, string>()

  /** Makes `folder` a file system of its own, as a disk of this name. */
  async mount(name: string, folder: string): Promise<void> {
    await mkdir(folder, { recursive: true })
    await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_BYTES}`, `lab-${name}`, folder])
    this.#folders.set(name, folder)
  }

  /** Names of the disks. */
  get names(): readonly string[] {
    return [...this.#folders.keys()]
  }

  /** Takes away the room that is left, but for 32 KiB: whatever is written behind that fails with ENOSPC. */
  async fill(name: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      const { blocks, bfree, bsize } = await statfs(this.#folder(name))
      try {
        await this.#resize(name, (blocks - bfree) * bsize + SLACK_BYTES)
        return
      } catch (error) {
        // More than that was written meanwhile: it cannot become smaller than what it holds.
        if (tries === TRIES_MAX) throw error
      }
    }
  }

  /** Gives the room back. */
  async free(name: string): Promise<void> {
    await this.#resize(name, SIZE_BYTES)
  }

  /** Copies what they hold to `target`, a folder for each, named as the disk. */
  async keep(target: string): Promise<void> {
    for (const [name, folder] of this.#folders) {
      await mkdir(join(target, name), { recursive: true })
      await run('cp', ['-a', `${folder}/.`, join(target, name)])
    }
  }

  /** Unmounts all; what they held is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const folder of this.#folders.values()) await run('umount', ['--lazy', folder]).catch(() => {})
    this.#folders.clear()
  }

  async #resize(name: string, bytes: number): Promise<void> {
    await run('mount', ['-o', `remount,size=${bytes}`, this.#folder(name)])
  }

  #folder(name: string): string {
    const folder = this.#folders.get(name)
    if (folder === undefined) throw new Error(`find disk ${name}: there is none, wanted the lab prepared with it`)
    return folder
  }
}

async function run(command: string, words: readonly string[]): Promise<void> {
  await promisify(execFile)(command, [...words])
}
