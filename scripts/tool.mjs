// Finds or builds the native tools. Plain JavaScript without dependencies, because it may run before `npm install`, on any Node from 20 up.
import { execFile, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { unpackDebian } from './debian.mjs'
import { tools } from './tools.mjs'

export { tools } from './tools.mjs'

const LOCK_FRESH_MS = 30_000
const LOCK_WAIT_MS = 20 * 60_000
const FAILURE_LINES = 20
const MODULES = join(import.meta.dirname, 'go')

/** @typedef {import('./tools.mjs').Tool} Tool */

/**
 * The path of a native tool at its pinned version: from the user's cache, else from PATH, else built from the Go module proxy into the cache.
 * Safe to call from several processes at once: one builds, the others wait.
 * @param {string} name a key of `tools`
 * @param {{ report?: (line: string) => void, environment?: NodeJS.ProcessEnv }} [options] `report` hears of progress (default: standard error)
 * @returns {Promise<string>} an absolute path
 * @throws {Error} unknown tool, no usable Go, or a failed build; the text says what to install
 */
export async function ensureTool(name, options = {}) {
  const tool = Object.hasOwn(tools, name) ? tools[name] : undefined
  if (tool === undefined) {
    throw new Error(`find tool: "${name}" is not known, wanted one of ${Object.keys(tools).join(', ')}`)
  }
  const environment = options.environment ?? process.env
  const report = options.report ?? reportToTerminal
  const folder = toolFolder(environment)
  const path = join(folder, `${name}-${tool.version}`)
  if (isExecutable(path)) return path
  const onPath = await findOnPath(name, tool, environment)
  if (onPath !== undefined) return onPath
  await mkdir(folder, { recursive: true })
  return withLock(`${path}.lock`, report, async () => {
    if (!isExecutable(path)) await build(name, tool, path, { environment, report })
    return path
  })
}

/**
 * Where built tools are kept: `$XDG_CACHE_HOME/landbridge/bin`, by default under `~/.cache`.
 * @param {NodeJS.ProcessEnv} [environment]
 */
export function toolFolder(environment = process.env) {
  return join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'landbridge', 'bin')
}

/**
 * @param {string} name
 * @param {Tool} tool
 * @param {NodeJS.ProcessEnv} environment
 */
async function findOnPath(name, tool, environment) {
  for (const folder of (environment.PATH ?? '').split(delimiter)) {
    const candidate = join(folder, name)
    if (folder === '' || !isExecutable(candidate)) continue
    const output = await promisify(execFile)(candidate, [...tool.versionArguments], { timeout: 5_000 }).catch(
      () => undefined,
    )
    const words = `${output?.stdout ?? ''} ${output?.stderr ?? ''}`.split(/\s+/)
    if (words.includes(`v${tool.version}`) || words.includes(tool.version)) return candidate
  }
  return undefined
}

/**
 * @param {string} name
 * @param {Tool} tool
 * @param {string} path
 * @param {{ environment: NodeJS.ProcessEnv, report: (line: string) => void }} options
 */
async function build(name, tool, path, { environment, report }) {
  const wanted = `Go ${tool.go} or newer (https://go.dev/dl, or your package manager) on PATH, or ${name} ${tool.version} itself on PATH`
  const go = await promisify(execFile)('go', ['env', 'GOVERSION'], { env: environment, cwd: tmpdir() }).catch(
    () => undefined,
  )
  if (go === undefined)
    throw new Error(`build ${name} ${tool.version}: there is no Go on this machine, wanted ${wanted}`)
  // Beside its final place, so that the rename stays inside one file system.
  const folder = await mkdtemp(`${path}.build-`)
  try {
    report(`building ${name} ${tool.version} with ${go.stdout.trim()} (once; a minute or two)`)
    const failure = await install(name, tool, folder, environment, report)
    if (failure !== undefined) {
      throw new Error(
        `build ${name} ${tool.version}: "go" could not build ${tool.module}, wanted ${wanted}\n${failure}`,
      )
    }
    await rename(join(folder, tool.binary ?? name), path)
    report(`built ${path}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Runs `go install` away from the repository, so that it sees no module or workspace of ours, or `go build` in the module that pins the tool. GOFLAGS
 * and the other Go settings are the user's.
 * @param {string} name
 * @param {Tool} tool
 * @param {string} folder
 * @param {NodeJS.ProcessEnv} environment
 * @param {(line: string) => void} report
 * @returns {Promise<string | undefined>} the last lines of a failed build
 */
async function install(name, tool, folder, environment, report) {
  const pinned = tool.folder !== undefined
  const linker = ['-s', '-w', tool.ldflags, tool.extldflags && `-extldflags=${tool.extldflags}`].filter(Boolean)
  const flags = [
    ...(pinned ? ['build', '-mod=readonly', '-o', join(folder, name)] : ['install']),
    '-v',
    '-trimpath',
    ...(tool.tags === undefined ? [] : ['-tags', tool.tags]),
    '-ldflags',
    linker.join(' '),
    tool.module,
  ]
  // Without GOOS and GOARCH: the tool runs here, whatever the user cross-compiles elsewhere.
  const { GOOS: _os, GOARCH: _architecture, ...rest } = environment
  const child = spawn('go', flags, {
    cwd: pinned ? join(MODULES, tool.folder ?? '') : folder,
    env: {
      ...rest,
      ...(await libraryEnvironment(tool, rest)),
      GOBIN: folder,
      GOWORK: 'off',
      CGO_ENABLED: tool.extldflags === undefined ? '0' : '1',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : `go ended with ${signal ?? code}`))
  })
  const progress = { compiled: 0, downloaded: 0, reportedAt: Date.now() }
  /** @type {string[]} */
  const last = []
  for await (const line of createInterface({ input: child.stderr })) {
    last.push(line)
    if (last.length > FAILURE_LINES) last.shift()
    if (line.startsWith('go: downloading ')) progress.downloaded++
    else progress.compiled++
    if (Date.now() - progress.reportedAt < 2_000) continue
    progress.reportedAt = Date.now()
    report(`  ${name}: ${progress.downloaded} modules downloaded, ${progress.compiled} packages compiled`)
  }
  const failure = await ended
  return failure === undefined ? undefined : [...last, failure].join('\n')
}

/**
 * Where the C compiler finds a tool's library: its own place when the system has it, else unpacked packages.
 * @param {Tool} tool
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
async function libraryEnvironment({ library, debian }, environment) {
  if (library === undefined) return {}
  const run = promisify(execFile)
  const found = await run('pkg-config', ['--exists', library], { env: environment }).then(
    () => true,
    (error) => {
      if (error.code === 'ENOENT') throw new Error('find library: there is no pkg-config on PATH, wanted it and gcc')
      return false
    },
  )
  if (found) return {}
  const root = await unpackDebian(debian ?? [], environment)
  const libraries = (await readdir(join(root, 'usr/lib'))).map((triple) => join(root, 'usr/lib', triple))
  return {
    PKG_CONFIG_PATH: libraries.map((folder) => join(folder, 'pkgconfig')).join(delimiter),
    CGO_CFLAGS: `-I${join(root, 'usr/include')}`,
    CGO_LDFLAGS: libraries.map((folder) => `-L${folder}`).join(' '),
  }
}

/**
 * One builder at a time. The holder touches the file while it works, so a lock that is left behind goes stale. If two waiters break one stale lock
 * at the same moment both build, which is only wasteful: each build has its own folder and ends in a rename.
 * @template Value
 * @param {string} file
 * @param {(line: string) => void} report
 * @param {() => Promise<Value>} work
 * @returns {Promise<Value>}
 */
async function withLock(file, report, work) {
  const deadline = Date.now() + LOCK_WAIT_MS
  let told = false
  for (;;) {
    const handle = await open(file, 'wx').catch((error) => {
      if (error.code === 'EEXIST') return undefined
      throw error
    })
    if (handle !== undefined) {
      await handle.close()
      break
    }
    const age = await stat(file).then(
      (status) => Date.now() - status.mtimeMs,
      () => 0,
    )
    if (age > LOCK_FRESH_MS) await rm(file, { force: true })
    else if (Date.now() > deadline)
      throw new Error(`build tool: ${file} is still held by another build, wanted it free`)
    else {
      if (!told) report('waiting for another build of the same tool')
      told = true
      await delay(200)
    }
  }
  const touch = setInterval(() => utimes(file, new Date(), new Date()).catch(() => {}), LOCK_FRESH_MS / 6)
  try {
    return await work()
  } finally {
    clearInterval(touch)
    await rm(file, { force: true })
  }
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** @param {string} line */
function reportToTerminal(line) {
  process.stderr.write(`${line}\n`)
}

const usage = `Usage: node scripts/tool.mjs <tool>

Prints the path of a native tool at its pinned version, building it from the Go module proxy when neither the cache nor PATH has it.

Tools: ${Object.entries(tools)
  .map(([name, tool]) => `${name} ${tool.version}`)
  .join(', ')}
`

/** @param {readonly string[]} names */
async function main(names) {
  if (names.length !== 1 || names[0] === undefined || names[0].startsWith('-')) {
    const asked = names.length === 1 && (names[0] === '--help' || names[0] === '-h')
    const stream = asked ? process.stdout : process.stderr
    stream.write(usage)
    return asked ? 0 : 2
  }
  try {
    process.stdout.write(`${await ensureTool(names[0])}\n`)
    return 0
  } catch (error) {
    reportToTerminal(error instanceof Error ? error.message : String(error))
    return 1
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main(process.argv.slice(2))
}
