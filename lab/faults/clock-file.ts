import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Says how wrong a clock is; the process that reads it (wrong-clock.ts) sees the old number or the new one. */
export async function writeClock(file: string, offsetMs: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(`${file}.new`, String(offsetMs))
  await rename(`${file}.new`, file)
}
