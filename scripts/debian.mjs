// Files of Debian packages without installing them. Plain JavaScript without dependencies, like tool.mjs.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * Unpacks packages of Debian or a relative into the user's cache, and installs nothing: neither root nor the system's
 * own files are touched. Safe to call from several processes at once: what is there already is used.
 * @param {readonly string[]} packages
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {Promise<string>} the folder that holds their files as "usr/..."
 * @throws {Error} no apt-get and dpkg, or a failed download; the text says what to install
 */
export async function unpackDebian(packages, environment = process.env) {
  const cache = join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'landbridge', 'debian')
  const folder = join(cache, packages.join('+'))
  if (existsSync(folder)) return folder
  const run = (/** @type {string} */ command, /** @type {string[]} */ args, /** @type {string} */ cwd) =>
    promisify(execFile)(command, args, { cwd, env: environment }).catch((cause) => {
      throw new Error(
        `unpack ${packages.join(', ')}: ${command} said "${String(cause.stderr ?? cause.message).trim()}", wanted ` +
          `these packages installed: apt-get update && apt-get install ${packages.join(' ')}, or what your system calls them`,
        { cause },
      )
    })
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(`${folder}.`)
  try {
    // apt gives up its rights for downloads, and warns when it cannot do so here.
    await run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', ...packages], work)
    const root = join(work, 'root')
    await mkdir(root)
    for (const file of await readdir(work)) {
      if (file.endsWith('.deb')) await run('dpkg', ['-x', join(work, file), root], work)
    }
    await rename(root, folder).catch((error) => {
      if (!existsSync(folder)) throw error
    })
    return folder
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
