import { until } from '@landbridge/lab/kubernetes'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OriginWriter } from '../replication/origin-writer.ts'
import { type MeshFixture, startMeshFixture, TENANT } from './operator.ts'
import { resourcesOf } from './resources.ts'

let fixture: MeshFixture
const { topics, peers, policies } = resourcesOf(() => fixture.cluster.client)
const region = () => fixture.lab.region(fixture.region)
const FOLLOWED = { status: 'True', reason: 'InPlace' }
const TIMES = 5
const FOLLOW_MS = 2_000

/** The lab has declared the regions to each other in its own way. */
function createPeer() {
  const metadata = { annotations: { 'landbridge.dev/adopt': 'true' } }
  return peers.create('us-east', { endpoints: fixture.lab.region('us-east').endpoints }, metadata)
}

beforeAll(async () => {
  fixture = await startMeshFixture({ gateways: 2 })
}, 600_000)
afterAll(() => fixture[Symbol.asyncDispose]())

describe('with real gateways', () => {
  test('a change is live in every gateway within 2 s, and the status says so', async () => {
    // An operator that has just begun waits until it has heard of every gateway.
    await topics.create('first')
    await topics.untilCondition('first', 'Synced', FOLLOWED)
    const times: number[] = []
    for (let time = 0; time < TIMES; time++) {
      const begun = performance.now()
      if (time === 0) await topics.create('fast')
      else await topics.patch('fast', { spec: { description: `change ${time}` } })
      const { status } = await topics.untilCondition('fast', 'Synced', FOLLOWED)
      times.push(performance.now() - begun)
      expect(status?.gateways).toBe('2/2')
      expect(status?.revision).toBeGreaterThan(0)
    }
    console.info(`live everywhere after ${times.map((ms) => `${Math.round(ms)} ms`).join(', ')}`)
    expect(Math.max(...times)).toBeLessThan(FOLLOW_MS)
  })

  test('every kind follows', async () => {
    await policies.create('team', { principals: [{ subject: 'a' }], topics: ['*'], operations: ['publish'] })
    const policy = await policies.untilCondition('team', 'Synced', FOLLOWED)
    expect(policy.status).toMatchObject({ principals: 1, gateways: '2/2' })
    await createPeer()
    const peer = await peers.untilCondition('us-east', 'Synced', FOLLOWED)
    expect(peer.status).toMatchObject({ gateways: '2/2' })
  })

  test('a gateway that stands still shows, until it is gone', async () => {
    await topics.create('slow')
    await topics.untilCondition('slow', 'Synced', FOLLOWED)
    await region().pause('gateway', { index: 1 })
    try {
      await topics.patch('slow', { spec: { description: 'changed' } })
      const behind = await topics.untilCondition('slow', 'Synced', { status: 'False', reason: 'GatewaysFollowing' })
      expect(behind.status?.gateways).toBe('1/2')
      const gone = await topics.untilCondition('slow', 'Synced', FOLLOWED, 30_000)
      expect(gone.status?.gateways).toBe('1/1')
    } finally {
      await region().resume('gateway', { index: 1 })
    }
  })

  test('links and lag are told, and a region that is away', async () => {
    const others = fixture.lab.region('us-east')
    await fixture.lab.apply(TOPIC_DOCUMENT, { region: 'us-east' })
    await topics.create('told')
    if ((await peers.get('us-east')) === undefined) await createPeer()
    await peers.until('us-east', ({ status }) => status?.link === 'Connected')
    const told = await topics.until('told', ({ status }) => status?.lag === 'under 10 s')
    expect(told.status?.conditions?.find(({ type }) => type === 'Degraded')?.status).toBe('False')
    await others.kill('gateway')
    const down = await peers.untilCondition('us-east', 'Degraded', { status: 'True', reason: 'LinkDown' }, 30_000)
    expect(down.status).toMatchObject({ link: 'Disconnected', lag: 'unknown' })
    const silentMs = Date.now() - Date.parse(String(down.status?.lastContact))
    expect(silentMs).toBeGreaterThan(0)
    expect(silentMs).toBeLessThan(60_000)
    await topics.until('told', ({ status }) => status?.lag === 'unknown', 30_000)
    await others.start('gateway')
    // Other tests' topics are not declared there: the link stands, and says that nothing comes of them.
    const up = await peers.until('us-east', ({ status }) => status?.link === 'Connected', 30_000)
    expect(up.status?.conditions?.find(({ type }) => type === 'Degraded')?.reason).not.toBe('LinkDown')
    await topics.until('told', ({ status }) => status?.lag === 'under 10 s', 30_000)
  }, 120_000)

  test('a topic whose events another region does not have yet is kept until it has them', async () => {
    const others = fixture.lab.region('us-east')
    await fixture.lab.apply(TOPIC_DOCUMENT.replace('told', 'kept'), { region: 'us-east' })
    await topics.create('kept', { deletionPolicy: 'Delete' })
    if ((await peers.get('us-east')) === undefined) await createPeer()
    await topics.untilCondition('kept', 'Synced', FOLLOWED)
    await others.kill('gateway')
    const name = { tenant: TENANT, topic: 'kept' }
    const servers = region().natsUrls
    await using writer = await OriginWriter.connect({ servers, region: fixture.region, topic: name })
    await writer.publish(1)
    await topics.delete('kept')
    const held = await topics.until('kept', ({ status }) => reasonOf(status) === 'DeletionHeld')
    expect(held.status?.conditions?.[0]?.message).toMatch(/whether region us-east has its events/)
    await others.start('gateway')
    await topics.untilGone('kept', 60_000)
  }, 120_000)

  test('nothing is written while nothing changes, though gateways come and go', async () => {
    const written = async () => Number((await metrics()).match(/status_writes_total\{kind="Topic"\} (\d+)/)?.[1])
    await topics.create('quiet')
    await topics.untilCondition('quiet', 'Synced', FOLLOWED)
    let before = Number.NaN
    // Links and lag of the topics of other tests settle.
    await until(async () => {
      const last = before
      before = await written()
      await new Promise((resolve) => setTimeout(resolve, 3_000))
      return before === last
    }, 40_000)
    await region().restart('gateway', { index: 1 })
    await new Promise((resolve) => setTimeout(resolve, 8_000))
    expect(await written()).toBe(before)
  }, 120_000)
})

const TOPIC_DOCUMENT = `
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: told }
spec: {}
`

function reasonOf(status: { readonly conditions?: readonly { type: string; reason: string }[] } | undefined) {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.reason
}

async function metrics(): Promise<string> {
  return (await fetch(`http://${fixture.operator.http}/metrics`)).text()
}
