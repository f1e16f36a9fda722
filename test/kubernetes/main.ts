import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { leavesNothing } from './cluster/leaves-nothing.ts'
import { machineProblems } from './cluster/programs.ts'
import { runInCluster } from './cluster/run-in-cluster.ts'
import { writeImages } from './images.ts'

const HELP = `Usage: node test/kubernetes/main.ts [--kubeconfig FILE [--registry PREFIX]] [-- COMMAND ...]

Installs three regions with Helm and does with them what a user does: on a Kubernetes node of its own in namespaces of
this machine, which is gone afterwards, or on the cluster of a kubeconfig.

  --kubeconfig FILE   the cluster to use; its nodes must have the images of \`make images\`, or
  --registry PREFIX   the registry that has them, such as registry.example.com/team
  -- COMMAND ...      run this in place of the scenario, with KUBECONFIG set
`
const STATE = join(import.meta.dirname, '../../.state/kubernetes')

try {
  process.exitCode = await main()
} catch (error) {
  const usage = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  process.stderr.write(`e2e: ${error instanceof Error ? error.message : error}${usage ? `\n\n${HELP}` : '\n'}`)
  process.exitCode = usage ? 2 : 1
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { kubeconfig: { type: 'string' }, registry: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const scenario = [process.execPath, join(import.meta.dirname, 'scenario/main.ts')]
  const command = positionals.length > 0 ? positionals : scenario
  if (values.kubeconfig !== undefined) {
    const { registry = '', kubeconfig } = values
    return run(command, { ...process.env, KUBECONFIG: resolve(kubeconfig), LANDBRIDGE_E2E_REGISTRY: registry })
  }
  const problems = machineProblems()
  if (problems.length > 0) {
    process.stderr.write(`e2e: ${problems.join('\ne2e: ')}\ne2e: or use a cluster: make e2e KUBECONFIG=FILE\n`)
    return 1
  }
  return leavesNothing(() => runInCluster(STATE, writeImages, command))
}

async function run([program = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [code] = await once(spawn(program, args, { stdio: 'inherit', env }), 'exit')
  return code ?? 1
}
