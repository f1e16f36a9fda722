import { execFile } from 'node:child_process'
import { mkdir, readdir, rename, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { LabRegion } from '../region/region.ts'

const STREAMS = join('jetstream', '$G', 'streams')
const BUCKET_PREFIX = 'KV_'

/**
 * Copies a running server's store as it is at one instant (the server is stopped for the time of the copy), as a disk
 * would hold it if the power went now.
 */
export async function copyStore(region: LabRegion, index: number, target: string): Promise<void> {
  const store = storeOf(region, index)
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true })
  await region.pause('nats', { index })
  try {
    await copy(`${store}/.`, target)
  } finally {
    await region.resume('nats', { index })
  }
}

/**
 * Gives a server that does not run the store of an earlier copy: what power loss does to what was not synced. Key-value
 * buckets may come from another copy, older or newer than the streams'.
 */
export async function putBackStore(
  region: LabRegion,
  index: number,
  copies: { readonly streams: string; readonly buckets: string },
): Promise<void> {
  const store = storeOf(region, index)
  for (const entry of await readdir(store)) await rm(join(store, entry), { recursive: true, force: true })
  await copy(`${copies.streams}/.`, store)
  const streams = join(store, STREAMS)
  for (const name of await readdir(streams)) {
    if (name.startsWith(BUCKET_PREFIX)) await rm(join(streams, name), { recursive: true, force: true })
  }
  for (const name of await readdir(join(copies.buckets, STREAMS))) {
    if (name.startsWith(BUCKET_PREFIX)) await copy(join(copies.buckets, STREAMS, name), streams)
  }
}

/**
 * Cuts bytes off the newest message block of a stream in the store of a server that does not run, as a file system does
 * that lost its last blocks. The stream's index goes too, as it would not match. Returns how many bytes are gone.
 */
export async function truncateStore(region: LabRegion, index: number, stream: string, share: number): Promise<number> {
  const folder = join(storeOf(region, index), STREAMS, stream, 'msgs')
  const blocks = (await readdir(folder)).filter((name) => name.endsWith('.blk'))
  const newest = blocks.toSorted((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10)).at(-1)
  if (newest === undefined) return 0
  const file = join(folder, newest)
  const { size } = await stat(file)
  const cut = Math.floor(size * share)
  await truncate(file, size - cut)
  await rename(join(folder, 'index.db'), join(folder, 'index.db.lost')).catch(() => {})
  return cut
}

function storeOf(region: LabRegion, index: number): string {
  const store = region.natsStores[index]
  if (store === undefined) throw new Error(`find the store of ${region.name}/nats-${index}: there is no such server`)
  return store
}

async function copy(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', '--reflink=auto', from, to])
}
