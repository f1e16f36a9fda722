import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ControlServer, type LabRegion, type LabStatus, type ProcessExit, startLab } from '@landbridge/lab'
import { expect, test } from 'vitest'
import { until } from './until.ts'

const TOPIC = `apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: orders }
spec: { partitions: 2 }
`

async function streamNames(region: LabRegion): Promise<readonly string[]> {
  const response = await fetch(`${region.natsMonitorUrls[0]}/jsz?streams=true`)
  const body = (await response.json()) as { account_details?: { stream_detail?: { name: string }[] }[] }
  return (body.account_details ?? []).flatMap((account) => account.stream_detail ?? []).map(({ name }) => name)
}

type Answer = LabStatus & { readonly token: string; readonly error?: string }

async function call(control: ControlServer, path: string, body?: unknown, token = control.token) {
  const response = await fetch(`${control.url}${path}`, {
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Answer }
}

test('regions start with peers and documents, and can be killed, paused and started again', async () => {
  const started = performance.now()
  await using lab = await startLab({ regions: ['one', 'two'], documents: TOPIC })
  expect(performance.now() - started).toBeLessThan(30_000)
  const one = lab.region('one')
  expect(await streamNames(one)).toContain('lb_acme_orders')
  await until('the regions dial each other', () => lab.links.status().every(({ connections }) => connections > 0))

  await lab.partition('one', 'two')
  expect(lab.links.status().map(({ mode, connections }) => [mode, connections])).toEqual([
    ['refused', 0],
    ['refused', 0],
  ])
  await lab.healAll()
  await until('they dial each other again', () => lab.links.status().every(({ connections }) => connections > 0))

  const control = await lab.startControl()
  const trouble = { action: 'trouble', from: 'one', to: 'two' }
  const lossy = await call(control, '/v1/faults', { ...trouble, kind: 'loss', ratio: 0.1 })
  expect(lossy.body.links.map((link) => link.trouble)).toEqual(['loss of 10.0%', ''])
  const refusal = await call(control, '/v1/faults', { ...trouble, kind: 'slow', bytesPerSecond: 1 })
  expect([refusal.status, refusal.body.error]).toEqual([400, expect.stringContaining('wanted it started with toxics')])
  const healed = await call(control, '/v1/faults', { action: 'heal', from: 'one', to: 'two' })
  expect(healed.body.links.map((link) => link.trouble)).toEqual(['', ''])

  const exits: ProcessExit[] = []
  lab.onExit((exit) => exits.push(exit))
  const [first] = one.processes('gateway').map(({ pid }) => pid)
  expect(await one.kill('gateway', { signal: 'SIGTERM' })).toMatchObject([
    { name: 'one/gateway-0', code: 0, unexpected: false },
  ])
  await one.start('gateway')
  expect(one.processes('gateway')[0]?.pid).not.toBe(first)

  await one.pause('all')
  expect(one.processes('all').map(({ state }) => state)).toEqual(['paused', 'paused'])
  await one.resume('all')
  await one.pause('nats')
  await one.restart('all')
  expect(one.processes('all').map(({ state }) => state)).toEqual(['running', 'running'])
  expect(await streamNames(one)).toContain('lb_acme_orders')

  process.kill(lab.region('two').processes('nats')[0]?.pid ?? 0, 'SIGKILL')
  const surprise = await until('the lab notices', () => exits.find(({ unexpected }) => unexpected))
  expect(surprise).toMatchObject({
    name: 'two/nats-0',
    signal: 'SIGKILL',
    tail: expect.stringContaining('Server is ready'),
  })
  await expect(lab.apply('kind: Nonsense', { region: 'one' })).rejects.toThrow('apply documents')
})

test('a cluster survives its leader, and keeps its members over restarts', async () => {
  await using lab = await startLab({ regions: ['one'], nodes: 3, gateways: 0 })
  const region = lab.region('one')
  const answer = await fetch(`${region.natsMonitorUrls[0]}/jsz`)
  const { meta_cluster: meta } = (await answer.json()) as { meta_cluster: { leader: string; cluster_size: number } }
  expect(meta.cluster_size).toBe(3)
  const leader = Number(meta.leader.at(-1))
  await region.kill('nats', { index: leader })
  await region.start('nats', { index: leader })
  await region.restart('nats')
  expect(region.processes('nats').map(({ state }) => state)).toEqual(['running', 'running', 'running'])
})

test('the control API carries out faults and refuses what makes no sense', async () => {
  await using lab = await startLab({ regions: ['one', 'two'], gateways: 0 })
  const control = await lab.startControl()
  expect(await readFile(join(lab.stateDir, 'control.url'), 'utf8')).toBe(control.url)
  expect((await call(control, '/v1/status', undefined, 'guess')).status).toBe(401)
  expect((await call(control, '/v1/nothing')).status).toBe(404)

  const killed = await call(control, '/v1/faults', { action: 'kill', region: 'one', target: 'nats' })
  const stateOf = ({ regions }: LabStatus) => regions.map(({ processes }) => processes[0]?.state)
  expect(stateOf(killed.body)).toEqual(['stopped', 'running'])
  const back = await call(control, '/v1/faults', { action: 'start', region: 'one', target: 'all' })
  expect(stateOf(back.body)).toEqual(['running', 'running'])

  const nonsense: [unknown, string][] = [
    [{ action: 'explode' }, '"action" is "explode", wanted one of kill'],
    [{ action: 'kill', region: 'three', target: 'nats' }, 'there is no region "three"'],
    [{ action: 'kill', region: 'one', target: 'nats', index: 1 }, '"index" is 1, wanted a whole number from 0 to 0'],
    [{ action: 'kill', region: 'one', target: 'nats', sgnal: 'SIGTERM' }, '"sgnal" is not known'],
    [{ action: 'cut', from: 'one', to: 'one' }, 'there is no link from "one" to "one"'],
    [{ action: 'trouble', from: 'one', to: 'two', kind: 'loss', ratio: -1 }, '"ratio" is -1, wanted 0 or more'],
    ['text', 'not a JSON object'],
  ]
  for (const [body, reason] of nonsense) {
    expect(await call(control, '/v1/faults', body)).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining(reason) },
    })
  }
  expect(stateOf((await call(control, '/v1/status')).body)).toEqual(['running', 'running'])
  const { body } = await call(control, '/v1/tokens', { subject: 'alice', groups: ['readers'] })
  expect(JSON.parse(Buffer.from(body.token.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
    sub: 'alice',
  })
})

test('what does not start says why, and leaves nothing behind', async () => {
  await expect(startLab({ regions: ['one'], gateways: 0, natsConfig: 'no_such_option: 1' })).rejects.toThrow(
    /start one\/nats-0: it ended with status 1[\s\S]*no_such_option/,
  )
  await expect(startLab({ regions: ['one'], gatewayEnv: { LANDBRIDGE_DRAIN_SECONDS: 'soon' } })).rejects.toThrow(
    /start one\/gateway-0: it ended with status[\s\S]*LANDBRIDGE_DRAIN_SECONDS/,
  )
})

test('a given state folder keeps its data, for one lab at a time', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'landbridge-state-'))
  try {
    const options = { regions: ['one'], documents: TOPIC, stateDir }
    const ca = await (async () => {
      await using lab = await startLab(options)
      await expect(startLab(options)).rejects.toThrow(`is used by process ${process.pid}`)
      return readFile(lab.caFile, 'utf8')
    })()
    await expect(startLab({ ...options, nodes: 3 })).rejects.toThrow('holds one with 1 nodes, wanted 3')
    await using lab = await startLab({ ...options, documents: '' })
    expect(await readFile(lab.caFile, 'utf8')).toBe(ca)
    expect(await streamNames(lab.region('one'))).toContain('lb_acme_orders')
  } finally {
    await rm(stateDir, { recursive: true, force: true })
  }
})
