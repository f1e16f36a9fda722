import { execFileSync } from 'node:child_process'
import { readFileSync, realpathSync } from 'node:fs'
import type { ImageFile } from './production-files.ts'

/**
 * A program and the shared libraries that it loads, at the paths where its loader looks for them. They are those of the
 * machine that builds: the same machine makes the same image.
 * @throws Error for a library that is not there
 */
export function programFiles(program: string, path: string): readonly ImageFile[] {
  const files: ImageFile[] = [{ path, content: readFileSync(program), mode: 0o755 }]
  const listing = execFileSync('ldd', [program], { encoding: 'utf8', env: { LC_ALL: 'C', PATH: process.env.PATH } })
  for (const line of listing.split('\n')) {
    const [, name, target] = /^\s*(?:(\S+) => )?(\/\S+|not found)/.exec(line) ?? []
    if (target === undefined) continue
    if (target === 'not found') throw new Error(`images: ${program} needs ${name}, which is not on this machine`)
    files.push({ path: target.slice(1), content: readFileSync(realpathSync(target)), mode: 0o755 })
  }
  return files
}

/** What the C library asks for: who we are, and to look for names in /etc/hosts and in DNS. */
export const SYSTEM_FILES: readonly ImageFile[] = [
  text('etc/passwd', 'root:x:0:0:root:/:/nologin\nnonroot:x:65532:65532:nonroot:/:/nologin\n'),
  text('etc/group', 'root:x:0:\nnonroot:x:65532:\n'),
  text('etc/nsswitch.conf', 'hosts: files dns\n'),
]

function text(path: string, content: string): ImageFile {
  return { path, content: Buffer.from(content), mode: 0o644 }
}
