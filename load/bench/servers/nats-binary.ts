import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const TOOL = join(import.meta.dirname, '../../../scripts/tool.mjs')

/**
 * Path of the pinned nats-server; builds it when this machine has none.
 * @throws {Error} what to install
 */
export async function natsBinary(): Promise<string> {
  const { stdout } = await run(process.execPath, [TOOL, 'nats-server'])
  return stdout.trim()
}

/** "2.15.2" */
export async function natsVersion(binary: string): Promise<string> {
  const { stdout } = await run(binary, ['--version'])
  return stdout.trim().replace(/^.*v/, '')
}
