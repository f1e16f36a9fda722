import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where a hierarchy of control groups is mounted, and which controllers it has; none: version 2. */
export type Hierarchy = { readonly controllers: string; readonly folder: string }

/**
 * Our own group in each hierarchy, from the texts of /proc/self/cgroup and /proc/self/mountinfo. Of version 2 it is the
 * top: only there may a new group get controllers while others have processes of their own.
 */
export function ownGroups(cgroup: string, mountinfo: string): readonly Hierarchy[] {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ')
    const [type = '', , options = ''] = after.split(' ')
    const [, , , root = '/', folder = ''] = before.split(' ')
    return type === 'cgroup' || type === 'cgroup2' ? [{ type, options: options.split(','), root, folder }] : []
  })
  const hasVersion1 = mounts.some(({ type }) => type === 'cgroup')
  return cgroup
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [, controllers = '', ...rest] = line.split(':')
      const path = rest.join(':')
      if (controllers === '') {
        const unified = mounts.find(({ type }) => type === 'cgroup2')
        return hasVersion1 || unified === undefined ? [] : [{ controllers, folder: unified.folder }]
      }
      const mount = mounts.find(
        ({ type, options }) => type === 'cgroup' && controllers.split(',').every((name) => options.includes(name)),
      )
      if (mount === undefined) return []
      const below = mount.root === '/' ? path : path.slice(mount.root.length)
      return [{ controllers, folder: join(mount.folder, below) }]
    })
}

/** Makes a group in each hierarchy. @returns their folders */
export function makeGroups(hierarchies: readonly Hierarchy[], name: string): readonly string[] {
  return hierarchies.map(({ controllers, folder }) => {
    const group = join(folder, name)
    mkdirSync(group)
    if (controllers.split(',').includes('cpuset')) {
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        writeFileSync(join(group, file), readFileSync(join(folder, file)))
      }
    }
    return group
  })
}

/** Removes groups and all below them; processes that are left in them are ended. */
export async function removeGroups(groups: readonly string[], withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs
  for (const group of groups) {
    while (existsSync(group)) {
      try {
        removeTree(group)
      } catch (error) {
        if (Date.now() > deadline) throw error
        endProcesses(group)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }
}

function removeTree(group: string): void {
  for (const child of foldersOf(group)) removeTree(child)
  rmdirSync(group)
}

function endProcesses(group: string): void {
  try {
    for (const pid of readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
      process.kill(Number(pid), 'SIGKILL')
    }
    for (const child of foldersOf(group)) endProcesses(child)
  } catch {
    // The process or the group has gone meanwhile.
  }
}

function foldersOf(group: string): readonly string[] {
  return readdirSync(group, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(group, name))
}
