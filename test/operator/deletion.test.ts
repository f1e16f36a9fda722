import { streamName } from '@landbridge/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { until } from '../../lab/kubernetes/index.ts'
import { type OperatorFixture, startOperatorFixture, TENANT } from './operator.ts'
import { resourcesOf } from './resources.ts'

let fixture: OperatorFixture
const { topics } = resourcesOf(() => fixture.cluster.client)
const streamOf = (name: string) => fixture.streams.get(streamName({ tenant: TENANT, topic: name }))
const HELD = { status: 'False', reason: 'DeletionHeld' }

beforeEach(async () => {
  fixture = await startOperatorFixture()
}, 600_000)
afterEach(() => fixture[Symbol.asyncDispose]())

/** A group of subscribers, as gateways make it. */
async function subscribe(topic: string, group: string): Promise<void> {
  const stream = streamName({ tenant: TENANT, topic })
  const config = { durable_name: group, ack_policy: 'explicit', filter_subject: `lb.${TENANT}.${topic}.>` }
  const answer = await fixture.session.request(
    `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${group}`,
    JSON.stringify({ stream_name: stream, config }),
  )
  expect(Buffer.from(answer).toString()).not.toContain('"error"')
}

async function unsubscribe(topic: string, group: string): Promise<void> {
  await fixture.session.request(`$JS.API.CONSUMER.DELETE.${streamName({ tenant: TENANT, topic })}.${group}`, '')
}

describe('a deletion', () => {
  test('waits for subscribers and their events, says so, and goes on when they are gone, or when asked', async () => {
    for (const name of ['left', 'forced']) {
      await topics.create(name, { deletionPolicy: 'Delete' })
      await topics.untilCondition(name, 'Ready', 'True')
      await subscribe(name, 'billing')
      await fixture.session.request(`lb.${TENANT}.${name}.eu-west.0`, 'an event')
      await topics.delete(name)
      const held = await topics.until(name, ({ status }) => status?.conditions?.[0]?.reason === HELD.reason)
      expect(held.status?.conditions?.[0]?.message).toBe(
        'the deletion waits: group billing subscribes to it, 1 events not delivered',
      )
      expect(await streamOf(name)).toBeDefined()
    }
    await unsubscribe('left', 'billing')
    await topics.untilGone('left', 20_000)
    expect(await streamOf('left')).toBeUndefined()
    await topics.annotate('forced', 'delete-anyway', 'true')
    await topics.untilGone('forced', 10_000)
    expect(await streamOf('forced')).toBeUndefined()
  }, 120_000)

  test('does not wait for ever for a NATS that is gone for good, also after the operator has started anew', async () => {
    for (const name of ['at-once', 'later']) {
      await topics.create(name)
      await topics.untilCondition(name, 'Ready', 'True')
    }
    await fixture.nats.kill()
    await topics.delete('at-once')
    await topics.delete('later')
    await topics.annotate('at-once', 'delete-anyway', 'true')
    await topics.untilGone('at-once', 10_000)
    await fixture.operator.close()
    const next = await fixture.another()
    await until(async () => next.leading, 20_000)
    expect((await topics.get('later'))?.metadata.finalizers).toContain('landbridge.dev/cleanup')
    // Said after half a minute: until then NATS may only be starting.
    const told = await topics.until('later', ({ status }) => status?.conditions?.[0]?.status === 'False', 60_000)
    expect(told.status?.conditions?.[0]?.message).toMatch(/cannot be reached.*delete-anyway: "true" ends that/)
    await topics.annotate('later', 'delete-anyway', 'true')
    await topics.untilGone('later', 10_000)
  }, 180_000)

  test('of what is unmanaged leaves everything, and needs no NATS', async () => {
    await topics.create('free', { deletionPolicy: 'Delete' })
    await topics.untilCondition('free', 'Ready', 'True')
    await topics.annotate('free', 'unmanaged', 'true')
    await topics.untilCondition('free', 'Paused', 'True')
    await topics.delete('free')
    await topics.untilGone('free')
    expect(await streamOf('free')).toBeDefined()
  }, 60_000)
})
