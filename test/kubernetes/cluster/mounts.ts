import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { LAYOUT, NETWORK } from './layout.ts'

/** What the kubelet sets for the whole machine: here it writes into files. */
const KERNEL_SETTINGS = ['vm/overcommit_memory', 'kernel/panic', 'kernel/panic_on_oops']

/** Folders of the system that node programs write to whatever they are told. */
export const COVERED = ['/run', '/var/log', '/var/lib/kubelet'] as const

/**
 * Makes the private mount namespace a node's: memory over the folders that its programs write to, control groups that
 * begin at our own, kernel settings that stay ours. All of it ends with the namespace.
 */
export function mountNode(): void {
  for (const folder of COVERED) mount('tmpfs', folder, 'mode=755')
  mountControlGroups()
  for (const folder of Object.values(LAYOUT).filter((path) => !/\.(sock|kubeconfig)$/.test(path))) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  }
  for (const folder of [`${LAYOUT.cni}/bin`, `${LAYOUT.cni}/net.d`, '/run/netns'])
    mkdirSync(folder, { recursive: true })
  // Pods' network namespaces are mounted here, and must show in every mount namespace below.
  run('mount', '--bind', '/run/netns', '/run/netns')
  run('mount', '--make-rshared', '/run/netns')
  for (const name of KERNEL_SETTINGS) {
    const copy = `${LAYOUT.root}/sysctl.${name.replaceAll('/', '.')}`
    writeFileSync(copy, readFileSync(`/proc/sys/${name}`))
    run('mount', '--bind', copy, `/proc/sys/${name}`)
  }
}

/** The node's address, on a pair of interfaces that lead nowhere else. */
export function makeNetwork(): void {
  run('ip', 'link', 'set', 'lo', 'up')
  run('ip', 'link', 'add', 'node0', 'type', 'veth', 'peer', 'name', 'node0-peer')
  run('ip', 'address', 'add', `${NETWORK.node}/${NETWORK.nodePrefix}`, 'dev', 'node0')
  run('ip', 'link', 'set', 'node0', 'up')
  run('ip', 'link', 'set', 'node0-peer', 'up')
  run('ip', 'route', 'add', 'default', 'via', NETWORK.node, 'dev', 'node0')
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1')
}

/** Version 2 is one mount; version 1 one for each controller, by the names that the machine uses. */
function mountControlGroups(): void {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) {
    run('umount', '-R', '/sys/fs/cgroup')
    run('mount', '-t', 'cgroup2', 'cgroup2', '/sys/fs/cgroup')
    // A group with processes of its own may have none below: ours go into a leaf.
    mkdirSync('/sys/fs/cgroup/init')
    for (const pid of readFileSync('/sys/fs/cgroup/cgroup.procs', 'utf8').split('\n').filter(Boolean)) {
      writeFileSync('/sys/fs/cgroup/init/cgroup.procs', pid)
    }
    const controllers = readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').trim().split(' ')
    writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', controllers.map((name) => `+${name}`).join(' '))
    return
  }
  const controllers = readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .map((line) => line.split(':')[1] ?? '')
    .filter((name) => name !== '')
  mount('tmpfs', '/sys/fs/cgroup', 'mode=755')
  for (const names of controllers) {
    const folder = `/sys/fs/cgroup/${names.replace('name=', '')}`
    mkdirSync(folder)
    run('mount', '-t', 'cgroup', '-o', names, 'cgroup', folder)
    const alone = names.split(',')
    for (const name of alone.length > 1 ? alone : []) run('ln', '-s', names, `/sys/fs/cgroup/${name}`)
  }
}

function mount(type: string, folder: string, options: string): void {
  run('mount', '-t', type, '-o', options, type, folder)
}

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
}
