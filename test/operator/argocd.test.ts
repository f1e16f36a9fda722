import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ensureTool } from '../../scripts/tool.mjs'
import { type OperatorFixture, startOperatorFixture } from './operator.ts'
import { resourcesOf } from './resources.ts'

type Health = { readonly status: string; readonly message: string }

const FILE = join(import.meta.dirname, '../../examples/argocd.yaml')
const KINDS = ['Topic', 'AccessPolicy', 'RegionPeer']
const checks: Readonly<Record<string, string>> = parse(readFileSync(FILE, 'utf8')).data
const scriptOf = (kind: string) => checks[`resource.customizations.health.landbridge.dev_${kind}`] ?? ''

let runner: string
let fixture: OperatorFixture
const { topics, policies } = resourcesOf(() => fixture.cluster.client)

beforeAll(async () => {
  runner = await ensureTool('argocd-health')
  fixture = await startOperatorFixture()
}, 600_000)
afterAll(() => fixture[Symbol.asyncDispose]())

/** What Argo CD's Lua says of an object of this kind. */
function healthOf(kind: string, object: object): Health {
  const folder = mkdtempSync(join(tmpdir(), 'landbridge-argocd-'))
  try {
    const script = join(folder, 'health.lua')
    writeFileSync(script, scriptOf(kind))
    const { stdout, stderr, status } = spawnSync(runner, [script], {
      input: JSON.stringify([object]),
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(stderr)
    const [health]: readonly Health[] = JSON.parse(stdout)
    if (health === undefined) throw new Error(`${kind}: no answer`)
    return health
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('there is a check for every kind', () => {
  expect(Object.keys(checks)).toHaveLength(KINDS.length)
  for (const kind of KINDS) expect(scriptOf(kind)).toContain('return')
})

test('a topic: healthy when it is ready, progressing until this version of it is, suspended while it is paused', async () => {
  const made = await topics.create('orders')
  expect(healthOf('Topic', { ...made, status: undefined })).toEqual({
    status: 'Progressing',
    message: 'the operator has not looked at it yet',
  })
  const ready = await topics.untilCondition('orders', 'Ready', 'True')
  expect(healthOf('Topic', ready).status).toBe('Healthy')
  const changed = { ...ready, metadata: { ...ready.metadata, generation: (ready.metadata.generation ?? 0) + 1 } }
  expect(healthOf('Topic', changed).status).toBe('Progressing')
  await topics.annotate('orders', 'paused', 'true')
  const paused = await topics.untilCondition('orders', 'Paused', 'True')
  expect(healthOf('Topic', paused)).toEqual({ status: 'Suspended', message: 'landbridge.dev/paused is "true"' })
})

test('a topic that cannot be: degraded, with the reason', async () => {
  await topics.create('taken', { retention: { age: '1d' } })
  await topics.untilCondition('taken', 'Ready', 'True')
  await topics.delete('taken')
  await topics.untilGone('taken')
  // The stream is still there, and is not as this one wants it.
  await topics.create('taken', { retention: { age: '2d' } })
  const stalled = await topics.untilCondition('taken', 'Stalled', 'True')
  const { message } = (await topics.condition('taken', 'Stalled')) ?? {}
  expect(healthOf('Topic', stalled)).toEqual({ status: 'Degraded', message })
  expect(message).not.toBe('')
})

test('a policy is judged by the same words', async () => {
  await policies.create('shop', { principals: [{ subject: 'shop' }], topics: ['orders'], operations: ['publish'] })
  expect(healthOf('AccessPolicy', await policies.untilCondition('shop', 'Ready', 'True')).status).toBe('Healthy')
})
