import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, realpathSync } from 'node:fs'
import type { ImageFile } from './production-files.ts'
import type { Component } from './sbom.ts'

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

/** Libraries and loader among a program's files, for the bill of materials: as packages of the machine, when dpkg knows them. */
export function libraryComponents(files: readonly ImageFile[]): readonly Component[] {
  return files.map(({ path, content }) => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    return { name, license: '', content, ...packageOf(`/${path}`) }
  })
}

/** The Debian package that a file came with. */
function packageOf(path: string): Pick<Component, 'version' | 'purl'> {
  // Where /lib is /usr/lib, dpkg knows a file by one of the two.
  const names = [path, realpathSync(path), path.replace(/^\/usr/, ''), `/usr${path}`]
  const owner = ask('dpkg-query', '--search', ...names).split(':')[0]
  if (owner === undefined || owner === '') return { version: '' }
  // "libc6:amd64", a tab, its version.
  const version = ask('dpkg-query', '--show', owner).split('\n')[0]?.split('\t')[1] ?? ''
  const system = /^ID="?([a-z0-9._-]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'debian'
  return version === '' ? { version } : { version, purl: `pkg:deb/${system}/${owner}@${encodeURIComponent(version)}` }
}

/** Standard output of a command, also when some of what it was asked for is unknown; empty where it is not there. */
function ask(command: string, ...args: readonly string[]): string {
  return spawnSync(command, args, { encoding: 'utf8' }).stdout ?? ''
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
