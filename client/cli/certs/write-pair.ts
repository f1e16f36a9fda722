import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { usageFailure, workFailure } from '../command-failure.ts'
import type { IssuedCertificate } from './issue.ts'

/** Where a certificate and its key are. */
export type PairFiles = { readonly cert: string; readonly key: string }

/** The files for `--out <path>`: `<path>.crt` and `<path>.key`. Checked before anything is made. @throws CommandFailure. */
export async function pairFiles(out: string, force: boolean): Promise<PairFiles> {
  const base = out.replace(/\.(crt|key|pem)$/, '')
  const files = { cert: `${base}.crt`, key: `${base}.key` }
  for (const file of [files.cert, files.key]) {
    if (!force && (await exists(file))) {
      throw usageFailure(`out: ${file} is there already, wanted a new name`, 'choose another --out, or add --force')
    }
  }
  return files
}

/** Writes both; the key is readable by its owner only. */
export async function writePair(files: PairFiles, pair: IssuedCertificate): Promise<void> {
  try {
    await mkdir(dirname(files.cert), { recursive: true })
    await writeFile(files.key, pair.key, { mode: 0o600 })
    await writeFile(files.cert, pair.cert)
  } catch (cause) {
    throw workFailure(`out: cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  }
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  )
}
