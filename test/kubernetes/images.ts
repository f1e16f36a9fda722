import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeArchive } from '../../scripts/images/archive.ts'
import { layerOf } from '../../scripts/images/layer.ts'
import { ensureTool } from '../../scripts/tool.mjs'
import { PAUSE_IMAGE } from './cluster/layout.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Writes the images of `make images`, and the one that every pod begins with. @returns the archives */
export async function writeImages(folder: string): Promise<readonly string[]> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  execFileSync(process.execPath, ['scripts/images/main.ts', '--out', folder], { cwd: ROOT, stdio: 'inherit' })
  const program = { path: 'pause', content: readFileSync(await ensureTool('pause')), mode: 0o755 }
  await writeArchive(join(folder, 'pause.tar'), {
    reference: PAUSE_IMAGE,
    layers: [await layerOf([program])],
    entrypoint: ['/pause'],
    workingDir: '/',
    labels: {},
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
  })
  return readdirSync(folder)
    .filter((name) => name.endsWith('.tar'))
    .map((name) => join(folder, name))
}
