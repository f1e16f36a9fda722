// Runs inside the namespaces: makes the node, then runs a command with KUBECONFIG set, then ends, and all ends with it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { CommandLine } from '../command-line.ts'
import { API_SERVER, CONTAINERD, ETCD, NODE_COMPONENTS } from './components.ts'
import { nodeFiles } from './files.ts'
import { LAYOUT, NODE_NAME } from './layout.ts'
import { makeNetwork, mountNode } from './mounts.ts'
import { clusterObjects } from './objects.ts'
import { Processes } from './processes.ts'
import type { NodeRequest } from './request.ts'
import { writeTrust } from './trust.ts'

const START_MS = 300_000

// The runner holds the other end: when it is gone, so are we.
process.stdin.on('end', () => process.exit(1)).resume()

const request: NodeRequest = JSON.parse(process.argv[2] ?? '')
process.exitCode = await main(request)
process.exit()

async function main({ tools, libraryPath, images, logs, command }: NodeRequest): Promise<number> {
  const begin = performance.now()
  const say = (what: string) =>
    console.log(`  ${((performance.now() - begin) / 1_000).toFixed(1).padStart(6)} s  ${what}`)
  mountNode()
  makeNetwork()
  for (const [name, path] of Object.entries(tools)) {
    symlinkSync(path, name.startsWith('cni-') ? `${LAYOUT.cni}/bin/${name.slice(4)}` : `${LAYOUT.bin}/${name}`)
  }
  for (const [path, text] of Object.entries(nodeFiles())) writeFileSync(path, text)
  await writeTrust(LAYOUT.pki)
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${LAYOUT.bin}:${process.env.PATH}`,
    KUBECONFIG: LAYOUT.kubeconfig,
    // Another cluster of an earlier run had the same address.
    KUBECACHEDIR: `${LAYOUT.root}/kube-cache`,
    LD_LIBRARY_PATH: libraryPath,
  }
  const processes = new Processes(logs, LAYOUT.bin, env)
  const kubectl = new CommandLine(`${LAYOUT.bin}/kubectl`, env)
  for (const component of [CONTAINERD, ETCD, API_SERVER]) processes.start(component)
  await processes.until('the API server', START_MS, () => kubectl.run('get', '--raw=/readyz'))
  say('the API server answers')
  for (const component of NODE_COMPONENTS) processes.start(component)
  const ctr = new CommandLine(`${LAYOUT.bin}/ctr`)
  for (const image of images) {
    await processes.until(`loading ${image}`, START_MS, () =>
      ctr.run('-a', LAYOUT.containerdSocket, '-n', 'k8s.io', 'images', 'import', '--local', image),
    )
  }
  say(`${images.length} images are loaded`)
  await processes.until('the node', START_MS, () =>
    kubectl.run('wait', `node/${NODE_NAME}`, '--for=condition=Ready', '--timeout=1s'),
  )
  for (const folder of clusterObjects().folders) mkdirSync(folder, { recursive: true, mode: 0o777 })
  await kubectl.apply(clusterObjects().objects)
  await processes.until('the default service account', START_MS, () => kubectl.run('get', 'serviceaccount', 'default'))
  say('the node is ready')
  const [program = '', ...args] = command
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], env })
  const [code] = await once(child, 'exit')
  return code ?? 1
}
