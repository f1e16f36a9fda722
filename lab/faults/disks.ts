import { execFile } from 'node:child_process'
import { mkdir, statfs } from 'node:fs/promises'
import { promisify } from 'node:util'

const SIZE_BYTES = 4 * 1024 ** 3
/** A full one has room for no page. */
const PAGE_BYTES = 4096

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

  /** Takes away all room that is left: whatever is written from now on fails with ENOSPC. */
  async fill(name: string): Promise<void> {
    const { blocks, bfree, bsize } = await statfs(this.#folder(name))
    await this.#resize(name, Math.max(PAGE_BYTES, (blocks - bfree) * bsize))
  }

  /** Gives the room back. */
  async free(name: string): Promise<void> {
    await this.#resize(name, SIZE_BYTES)
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
