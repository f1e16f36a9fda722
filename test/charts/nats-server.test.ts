import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PortReservation } from '../../lab/process/ports.ts'
import { ensureTool } from '../../scripts/tool.mjs'
import { until } from '../lab/until.ts'
import { one, render } from './helm.ts'
import { MATRIX } from './matrix.ts'
import { containerOf } from './pods.ts'

const server = await ensureTool('nats-server')
const ENVIRONMENT = { ...process.env, POD_NAME: 'lb-nats-0' }

/** nats.conf as the chart renders it, in a folder of its own, on free ports of this machine. */
async function openConfig(values: object) {
  await using parts = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-nats-conf-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  const ports = parts.use(new PortReservation())
  const [client, monitor, cluster] = [await ports.take(), await ports.take(), await ports.take()]
  const { data } = one(render({ ...values }), 'ConfigMap', 'lb-nats')
  const text = (data?.['nats.conf'] ?? '')
    .replace('listen: 0.0.0.0:4222', `listen: 127.0.0.1:${client}`)
    .replace('http: 0.0.0.0:8222', `http: 127.0.0.1:${monitor}`)
    .replace('listen: 0.0.0.0:6222', `listen: 127.0.0.1:${cluster}`)
    .replace('/run/nats', folder)
    .replace('store_dir: /data', `store_dir: ${folder}/data`)
  const file = join(folder, 'nats.conf')
  await writeFile(file, text)
  const owned = parts.move()
  return { folder, file, monitor, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

test.for([
  { name: 'defaults', values: {} },
  { name: 'trying out', values: MATRIX['trying out'] ?? {} },
  { name: 'more lines', values: { nats: { extraConfig: 'max_connections: 1000', maxPayloadBytes: 67_108_864 } } },
])('$name: the server takes the configuration', async ({ values }) => {
  await using config = await openConfig(values)
  const { status, stderr } = spawnSync(server, ['-t', '-c', config.file], { env: ENVIRONMENT, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
})

test('a server answers the probes of its pod, and leaves as a lame duck by the hook of its pod', {
  timeout: 240_000,
}, async () => {
  const container = containerOf(render(), 'lb-nats')
  await using config = await openConfig({ nats: { replicas: 1 } })
  const nats = spawn(server, ['-c', config.file], { env: ENVIRONMENT, stdio: ['ignore', 'ignore', 'pipe'] })
  const log: string[] = []
  nats.stderr.on('data', (data: Buffer) => log.push(data.toString()))
  const exited = once(nats, 'exit')
  try {
    for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
      const url = `http://127.0.0.1:${config.monitor}${probe?.httpGet.path}`
      const answers = () =>
        fetch(url).then(
          ({ status }) => status === 200,
          () => false,
        )
      await until(`${url} answers`, answers, 60_000)
    }
    const { exec } = (container.lifecycle as { readonly preStop: { readonly exec: { readonly command: string[] } } })
      .preStop
    const signal = exec.command.slice(1).map((argument) => argument.replace('/run/nats', config.folder))
    expect(spawnSync(server, signal, { encoding: 'utf8' }).status).toBe(0)
    expect(await exited).toEqual([0, null])
    expect(log.join('')).toContain('Entering lame duck mode')
  } finally {
    nats.kill('SIGKILL')
  }
})
