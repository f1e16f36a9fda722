import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import type { ImageFile } from './production-files.ts'

/** A layer of an image. */
export type Layer = {
  /** Gzipped tar. */
  readonly blob: Buffer
  /** "sha256:..." of the blob. */
  readonly digest: string
  /** "sha256:..." of the tar. */
  readonly diffId: string
  readonly tarBytes: number
}

/** A symbolic link of an image. */
export type ImageLink = { readonly path: string; readonly target: string }

const EPOCH = new Date(0)

/**
 * A layer of these files and links, with the folders that they need. The same files make the same bytes: sorted, owned
 * by root, dated 1970, and packed by a library of the lock file.
 */
export async function layerOf(files: readonly ImageFile[], links: readonly ImageLink[] = []): Promise<Layer> {
  const archive = pack()
  const chunks: Buffer[] = []
  const done = new Promise<void>((resolve, reject) => {
    archive.on('data', (chunk: unknown) => chunks.push(chunk as Buffer))
    archive.on('end', resolve)
    archive.on('error', reject)
  })
  const common = { uid: 0, gid: 0, mtime: EPOCH }
  const paths = [...files, ...links].map(({ path }) => path)
  for (const name of foldersOf(paths)) archive.entry({ ...common, name: `${name}/`, type: 'directory', mode: 0o755 })
  for (const { path, target } of sorted(links)) {
    archive.entry({ ...common, name: path, type: 'symlink', linkname: target, mode: 0o777 })
  }
  for (const { path, content, mode } of sorted(files)) {
    archive.entry({ ...common, name: path, mode, size: content.length }, content)
  }
  archive.finalize()
  await done
  const tar = Buffer.concat(chunks)
  const blob = gzipSync(tar, { level: 9 })
  return { blob, digest: digestOf(blob), diffId: digestOf(tar), tarBytes: tar.length }
}

/** "sha256:..." */
export function digestOf(bytes: Buffer): string {
  return `sha256:${sha256(bytes)}`
}

/** In hexadecimal. */
export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function foldersOf(paths: readonly string[]): readonly string[] {
  const folders = new Set<string>()
  for (const path of paths) {
    const parts = path.split('/').slice(0, -1)
    for (let depth = 1; depth <= parts.length; depth++) folders.add(parts.slice(0, depth).join('/'))
  }
  return [...folders].sort()
}

function sorted<T extends { readonly path: string }>(items: readonly T[]): readonly T[] {
  return items.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}
