import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { ownGroups } from './control-groups.ts'
import { COVERED } from './mounts.ts'

/** What a run could leave on the machine, a line for each thing. */
export type MachineState = Readonly<Record<Kind, readonly string[]>>

/** A mark that the processes of a run have in their environment. */
export const RUN_VARIABLE = 'LANDBRIDGE_E2E_RUN'

type Kind = 'mount' | 'control group' | 'namespace' | 'interface' | 'packet rule' | 'folder' | 'process'

/** Of these a run may not take one away, either. */
const BOTH_WAYS: ReadonlySet<string> = new Set<Kind>(['mount', 'interface', 'packet rule'])
/** Groups that systemd makes for what others start meanwhile. */
const OF_SYSTEMD = /\.(service|scope|slice|mount|socket|swap)(\/|$)/
const NAMESPACES = ['net', 'mnt', 'pid', 'ipc', 'cgroup']

/** What differs between before and after: "mount left: ..."; empty when nothing does. Lines count as often as they are there. */
export function differences(before: MachineState, after: MachineState): readonly string[] {
  return (Object.keys(before) as Kind[]).flatMap((kind) => [
    ...without(after[kind], before[kind]).map((line) => `${kind} left: ${line}`),
    ...(BOTH_WAYS.has(kind) ? without(before[kind], after[kind]).map((line) => `${kind} gone: ${line}`) : []),
  ])
}

/**
 * Looks at the machine, as far as this process may.
 * @param run mark in the environment of the run's processes
 * @param rules what `packetRules` says
 */
export function machineState(run: string, rules: readonly string[]): MachineState {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
  const groups = ownGroups(readFileSync('/proc/self/cgroup', 'utf8'), mounts)
  return {
    mount: mountsOf(mounts),
    'control group': groups.flatMap(({ folder }) => foldersBelow(folder)).filter((path) => !OF_SYSTEMD.test(path)),
    namespace: namespaces(),
    interface: readdirSync('/sys/class/net'),
    'packet rule': rules,
    folder: COVERED.filter((path) => existsSync(path)),
    process: processesOf(run),
  }
}

/** Root, place, kind and source of each mount, from the text of /proc/self/mountinfo. */
export function mountsOf(mountinfo: string): readonly string[] {
  return mountinfo
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ')
      const [, , , root, place] = before.split(' ')
      const [type, source] = after.split(' ')
      return `${type} ${source} ${root} on ${place}`
    })
}

/** Rules without what changes by itself: the counters of chains, and when they were listed. */
export function rulesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/\s*\[\d+:\d+\]/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}

function without(lines: readonly string[], known: readonly string[]): readonly string[] {
  const left = new Map<string, number>()
  for (const line of known) left.set(line, (left.get(line) ?? 0) + 1)
  return lines.filter((line) => {
    const count = left.get(line) ?? 0
    left.set(line, count - 1)
    return count <= 0
  })
}

/**
 * The rules of nftables and iptables.
 * @param nft the program
 * @param libraryPath folders of its libraries, or empty
 * @throws Error when they cannot be listed: it takes root
 */
export function packetRules(nft: string, libraryPath: string): readonly string[] {
  const env = { ...process.env, LD_LIBRARY_PATH: libraryPath }
  const list = (program: string, ...args: readonly string[]) => spawnSync(program, args, { encoding: 'utf8', env })
  const { status, stdout, stderr } = list(nft, '--stateless', 'list', 'ruleset')
  if (status !== 0) throw new Error(`cluster: nft cannot list the rules of this machine: ${stderr.trim()}`)
  // Rules of the older kind; without the program there is nobody who makes them.
  const older = ['iptables-save', 'ip6tables-save'].map((program) => list(program).stdout ?? '')
  return [stdout, ...older].flatMap(rulesOf)
}

/** Namespaces that a process is in, of all that we may look at. */
function namespaces(): readonly string[] {
  const found = new Set<string>()
  for (const pid of pids()) {
    for (const kind of NAMESPACES) {
      const name = attempt(() => readlinkSync(`/proc/${pid}/ns/${kind}`))
      if (name !== undefined) found.add(name)
    }
  }
  return [...found].sort()
}

/** Processes that have the mark of a run. Those of its containers have none, and are known by their namespaces. */
function processesOf(run: string): readonly string[] {
  return pids().flatMap((pid) => {
    const environment = attempt(() => readFileSync(`/proc/${pid}/environ`, 'utf8')) ?? ''
    if (!environment.split('\0').includes(`${RUN_VARIABLE}=${run}`)) return []
    const command = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? ''
    return [`${pid} ${command.replaceAll('\0', ' ').trim().slice(0, 200)}`]
  })
}

function pids(): readonly string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
}

function foldersBelow(folder: string): readonly string[] {
  const children = attempt(() => readdirSync(folder, { withFileTypes: true })) ?? []
  return children
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => [join(folder, name), ...foldersBelow(join(folder, name))])
}

/** Undefined for what went away while we looked. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
