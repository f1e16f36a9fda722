import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { unpackDebian } from '../../../scripts/debian.mjs'
import { ensureTool } from '../../../scripts/tool.mjs'

const BUILT = [
  'containerd',
  'containerd-shim-runc-v2',
  'ctr',
  'runc',
  'cni-bridge',
  'cni-loopback',
  'cni-host-local',
  'coredns',
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
  'kubectl',
]
const NFTABLES = ['nftables', 'libnftables1', 'libnftnl11']

/**
 * Every program that runs inside the cluster, built when it has to be.
 * @throws Error that says what to install
 */
export async function clusterTools(): Promise<{
  readonly tools: Readonly<Record<string, string>>
  readonly libraryPath: string
}> {
  const tools: Record<string, string> = {}
  for (const name of BUILT) tools[name] = await ensureTool(name)
  const nft = onPath('nft')
  if (nft !== undefined) return { tools: { ...tools, nft }, libraryPath: '' }
  const root = await unpackDebian(NFTABLES)
  const libraries = join(root, 'usr/lib')
  const libraryPath = readdirSync(libraries).map((triple) => join(libraries, triple))
  return { tools: { ...tools, nft: join(root, 'usr/sbin/nft') }, libraryPath: libraryPath.join(delimiter) }
}

/** Where a program is, also in the folders that only root's PATH has. */
export function onPath(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** Features of the kernel, each tried in namespaces that are thrown away; namespaces first. */
const PROBES = {
  namespaces: 'true',
  'a pair of interfaces (veth)': 'ip link add probe0 type veth peer name probe1',
  'a bridge': 'ip link add probe0 type bridge',
  'a file system over another (overlay)':
    'mount -t tmpfs tmpfs /tmp; cd /tmp; mkdir a b c d; mount -t overlay -o lowerdir=a,upperdir=b,workdir=c overlay d',
}

/** What a machine must have to run a node in namespaces; each problem says what to do. */
export function machineProblems(): readonly string[] {
  if (process.platform !== 'linux') return [`this is ${process.platform}, wanted Linux`]
  const problems: string[] = []
  if (process.getuid?.() !== 0) problems.push('this is not root, wanted root: namespaces and mounts take it')
  const packages = { unshare: 'util-linux', setpriv: 'util-linux', mount: 'mount', ip: 'iproute2' }
  for (const [program, name] of Object.entries(packages)) {
    if (onPath(program) === undefined) problems.push(`there is no ${program}, wanted it: apt-get install ${name}`)
  }
  if (problems.length > 0) return problems
  for (const [feature, script] of Object.entries(PROBES)) {
    const [flags, command] = ['--net --mount --cgroup --ipc --pid --fork'.split(' '), ['sh', '-ec', script]]
    const { status, stderr } = spawnSync('unshare', [...flags, ...command], { encoding: 'utf8' })
    if (status === 0) continue
    problems.push(`${feature} cannot be had here (${stderr.trim()}), wanted a kernel and rights that give it`)
    if (feature === 'namespaces') break
  }
  return problems
}
