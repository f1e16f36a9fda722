import { open } from 'node:fs/promises'

const BYTES_MAX = 64 * 1024

/** The last lines of a file, from at most its last 64 KiB; empty when there is no such file. */
export async function tailOf(file: string, lines: number): Promise<string> {
  const handle = await open(file, 'r').catch(() => undefined)
  if (handle === undefined) return ''
  try {
    const { size } = await handle.stat()
    const start = Math.max(0, size - BYTES_MAX)
    const { buffer, bytesRead } = await handle.read({
      buffer: Buffer.alloc(Math.min(size, BYTES_MAX)),
      position: start,
    })
    return buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n').slice(-lines).join('\n')
  } finally {
    await handle.close()
  }
}
