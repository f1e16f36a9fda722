import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeGroups, ownGroups } from './control-groups.ts'
import { Leftovers } from './leftovers.ts'
import { COVERED } from './mounts.ts'
import { clusterTools } from './programs.ts'
import type { NodeRequest } from './request.ts'

// Joins the groups, then becomes the first process of new namespaces. It ends when we do, and everything with it.
const ENTER = `
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 1; shift; done; shift
exec setpriv --pdeathsig KILL -- unshare --net --mount --cgroup --ipc --pid --fork --kill-child --mount-proc -- "$@"
`
// A shell is a good first process: it waits for orphans.
const FIRST = '"$@"; exit $?'

/**
 * Runs a command beside a Kubernetes node of its own, with KUBECONFIG set, and removes both.
 * @param folder for logs and for the record of what there is to remove
 * @param writeImages writes OCI archives to load into a folder
 * @returns the command's exit status
 * @throws Error about what the machine lacks, and how to get it
 */
export async function runInCluster(
  folder: string,
  writeImages: (folder: string) => Promise<readonly string[]>,
  command: readonly string[],
): Promise<number> {
  const leftovers = new Leftovers(folder)
  await leftovers.clear()
  // From here on another run in this folder is refused.
  leftovers.record([], [])
  const images = await writeImages(join(folder, 'images'))
  const logs = join(folder, 'logs')
  rmSync(logs, { recursive: true, force: true })
  mkdirSync(logs, { recursive: true })
  const request: NodeRequest = { ...(await clusterTools()), images, logs, command }
  const hierarchies = ownGroups(readFileSync('/proc/self/cgroup', 'utf8'), readFileSync('/proc/self/mountinfo', 'utf8'))
  const name = `landbridge-e2e-${process.pid}`
  const missing = COVERED.filter((path) => !existsSync(path))
  leftovers.record(
    hierarchies.map((hierarchy) => join(hierarchy.folder, name)),
    missing,
  )
  try {
    for (const path of missing) mkdirSync(path)
    const groups = makeGroups(hierarchies, name)
    const inside = [process.execPath, join(import.meta.dirname, 'inside.ts'), JSON.stringify(request)]
    const child = spawn('sh', ['-c', ENTER, 'enter', ...groups, '--', 'sh', '-c', FIRST, 'first', ...inside], {
      stdio: ['pipe', 'inherit', 'inherit'],
      // Ctrl-C is ours to handle: the end of our process ends the rest.
      detached: true,
    })
    const stop = () => child.stdin?.end()
    process.once('SIGINT', stop).once('SIGTERM', stop)
    const [code] = await once(child, 'exit')
    process.off('SIGINT', stop).off('SIGTERM', stop)
    return code ?? 1
  } finally {
    await leftovers.clear()
  }
}
