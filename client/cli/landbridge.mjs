#!/usr/bin/env node
// Runs the command on the Node that it needs: this one, or the one that came with the packages.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const wanted = 26
const here = dirname(fileURLToPath(import.meta.url))

if (Number(process.versions.node.split('.')[0]) >= wanted) {
  await import('./main.ts')
} else {
  const node = bundledNode()
  if (node === undefined) {
    console.error(
      `landbridge: this is Node ${process.versions.node}, wanted ${wanted} or newer; or run npm ci, which brings it`,
    )
    process.exit(1)
  }
  const { status, signal } = spawnSync(node, [join(here, 'main.ts'), ...process.argv.slice(2)], { stdio: 'inherit' })
  process.exitCode = signal === null ? (status ?? 1) : 130
}

/** The Node of the lock file, from here upwards; undefined when it is not installed. */
function bundledNode() {
  for (let folder = here; folder !== dirname(folder); folder = dirname(folder)) {
    const node = join(folder, 'node_modules', '.bin', 'node')
    if (existsSync(node)) return node
  }
  return undefined
}
