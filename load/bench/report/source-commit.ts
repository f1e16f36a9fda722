import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/**
 * The commit of these sources in 12 digits, with a "+" behind it when they differ from it; the results of earlier runs are no source.
 * "unknown" where git cannot tell, as in an unpacked archive.
 */
export async function sourceCommit(): Promise<string> {
  try {
    const commit = await git('rev-parse', '--short=12', 'HEAD')
    const changed = await git('status', '--porcelain', '--', ':(top)', ':(top,exclude)load/results')
    return changed === '' ? commit : `${commit}+`
  } catch {
    return 'unknown'
  }
}

async function git(...words: readonly string[]): Promise<string> {
  const { stdout } = await execute('git', words, { cwd: import.meta.dirname })
  return stdout.trim()
}
