import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { KubeClient } from '@landbridge/operator'
import { parse } from 'yaml'
import type { KubeObject } from '../../operator/k8s/index.ts'
import { type Container, environmentOf } from './pods.ts'

const ROOT = join(import.meta.dirname, '../..')
const JOBS = { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', namespaced: true }
const HOOK_MS = 120_000
const TRIES = 5

type Job = KubeObject & {
  readonly spec: {
    readonly template: {
      readonly spec: { readonly serviceAccountName: string; readonly containers: readonly Container[] }
    }
  }
  readonly status?: { readonly completionTime?: string }
}

/**
 * A kubeconfig of a service account, as its pods have its rights.
 * @param kubeconfig of an administrator, whose address and CA are taken
 */
export async function kubeconfigOf(
  client: KubeClient,
  kubeconfig: string,
  namespace: string,
  account: string,
): Promise<string> {
  const type = {
    group: '',
    version: 'v1',
    plural: `serviceaccounts/${account}/token`,
    kind: 'TokenRequest',
    namespaced: true,
  }
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } }
  const answer = await client.create<KubeObject & { readonly status: { readonly token: string } }>(
    type,
    namespace,
    body,
  )
  const config = parse(await readFile(kubeconfig, 'utf8')) as { readonly users: readonly object[] }
  const file = `${kubeconfig}-${namespace}-${account}`
  await writeFile(file, JSON.stringify({ ...config, users: [{ name: 'admin', user: { token: answer.status.token } }] }))
  return file
}

/**
 * Does what kubelet and controllers do for Jobs, as far as hooks need it: runs the program of each, with the rights of
 * its account, and reports how it ended. Runs until the signal aborts.
 * @returns what the programs wrote, one text a Job
 */
export async function runHooks(
  client: KubeClient,
  kubeconfig: string,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const texts: string[] = []
  const done = new Set<string>()
  while (!signal.aborted) {
    const { items } = await client.list<Job>(JOBS, namespace, {})
    for (const job of items.filter(({ metadata, status }) => !done.has(metadata.uid) && !status?.completionTime)) {
      done.add(job.metadata.uid)
      texts.push(await runJob(client, kubeconfig, { ...job, apiVersion: 'batch/v1', kind: 'Job' }))
    }
    await delay(100, undefined, { signal }).catch(() => undefined)
  }
  return texts
}

async function runJob(client: KubeClient, kubeconfig: string, job: Job): Promise<string> {
  const { name, namespace = '' } = job.metadata
  const { serviceAccountName, containers } = job.spec.template.spec
  const [container] = containers
  if (container === undefined) throw new Error(`job ${name}: has no container`)
  const account = await kubeconfigOf(client, kubeconfig, namespace, serviceAccountName)
  const startTime = now()
  const environment = { PATH: process.env.PATH, ...environmentOf(container), KUBECONFIG: account }
  let result = await runProgram(container.args, environment)
  // restartPolicy: OnFailure; the Job itself counts, too.
  for (let tries = 1; !result.ok && tries < TRIES; tries++) result = await runProgram(container.args, environment)
  const time = now()
  const condition = (type: string) => ({
    type,
    status: 'True',
    lastTransitionTime: time,
    lastProbeTime: time,
    reason: 'Ran',
    message: '',
  })
  const status = result.ok
    ? {
        startTime,
        completionTime: time,
        succeeded: 1,
        conditions: [condition('SuccessCriteriaMet'), condition('Complete')],
      }
    : { startTime, failed: 1, conditions: [condition('FailureTarget'), condition('Failed')] }
  const body = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace }, status }
  await client.apply(JOBS, { namespace, name }, body, { fieldManager: 'kubelet', subresource: 'status' })
  return result.text
}

function runProgram(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly ok: boolean; readonly text: string }> {
  return promisify(execFile)(process.execPath, [...args], { cwd: ROOT, env, timeout: HOOK_MS }).then(
    ({ stdout }) => ({ ok: true, text: stdout }),
    (error: { readonly stdout: string }) => ({ ok: false, text: `failed: ${error.stdout}` }),
  )
}

/** RFC 3339 without fractions, as Kubernetes has it. */
function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}
