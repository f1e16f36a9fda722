import { execFileSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow } from './production-files.ts'

/** The project's own files. */
export type Sources = {
  /** Below the root: "core/index.ts". */
  readonly paths: readonly string[]
  /** What the builder ought to know; empty when there is nothing. */
  readonly note: string
}

/**
 * The files of these folders that git knows, with what they hold now: what else lies about on the machine that builds
 * never gets into an image. Where `root` is no checkout of git, such as an unpacked archive, it is all of them.
 */
export function sourcesOf(root: string, folders: readonly string[]): Sources {
  const top = git(root, 'rev-parse', '--show-toplevel')
  if (top === undefined || realpathSync(top.trim()) !== realpathSync(root)) {
    const note = `${root} is no checkout of git: every file below ${folders.join(', ')} goes into the image`
    return { paths: folders.flatMap((folder) => filesBelow(root, folder)), note }
  }
  const list = (...flags: readonly string[]) =>
    (git(root, 'ls-files', '-z', ...flags, '--', ...folders) ?? '').split('\0')
  const others = list('--others', '--exclude-standard').filter(Boolean)
  return {
    paths: list().filter((path) => path !== '' && existsSync(join(root, path))),
    note: others.length === 0 ? '' : `git does not know ${others.join(', ')}: left out`,
  }
}

/** What git says; undefined without git, and where it finds no repository. */
function git(folder: string, ...args: readonly string[]): string | undefined {
  try {
    return execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return undefined
  }
}
