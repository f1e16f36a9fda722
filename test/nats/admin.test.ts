import { type ConfigSnapshot, parseDocuments, streamName, type TopicDocument, unwrap } from '@landbridge/core'
import { applyDocument, CheckpointBucket, ConfigBucket, streamStatus } from '@landbridge/nats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NatsRegion, startRegion, until } from './fixtures.ts'

const NAME = { tenant: 'acme', topic: 'orders.created' }

let region: NatsRegion
let config: ConfigBucket
beforeAll(async () => {
  region = await startRegion()
  config = await ConfigBucket.open({ session: region.session, replicas: 1 })
})
afterAll(async () => {
  await config.close()
  await region[Symbol.asyncDispose]()
})

function topic(spec: string, name = NAME.topic): TopicDocument {
  const text = `apiVersion: landbridge.dev/v1alpha1\nkind: Topic\nmetadata: { namespace: acme, name: ${name} }\nspec: ${spec}`
  const [document] = unwrap(parseDocuments(text))
  if (document?.kind !== 'Topic') throw new Error('a topic is expected')
  return document
}

function policy(operations: string) {
  const text = `apiVersion: landbridge.dev/v1alpha1\nkind: AccessPolicy\nmetadata: { namespace: acme, name: team }\nspec: { principals: [{ subject: shop }], topics: ['*'], operations: [${operations}] }`
  const [document] = unwrap(parseDocuments(text))
  if (document === undefined) throw new Error('a policy is expected')
  return document
}

function apply(document: Parameters<typeof applyDocument>[1], dryRun = false) {
  const context = { session: region.session, config, region: { name: 'us-east', replicasDefault: 1 } }
  return applyDocument(context, document, { dryRun })
}

async function everything(): Promise<string> {
  const streams = await region.ask<{
    readonly streams: readonly { readonly config: object; readonly state: object }[]
  }>('STREAM.LIST')
  return JSON.stringify([streams.streams.map((stream) => [stream.config, stream.state]), [...(await config.all())]])
}

describe('applyDocument', () => {
  it('creates, updates, leaves alone and refuses, and a dry run changes nothing', async () => {
    const empty = await everything()
    expect(await apply(topic('{ partitions: 4 }'), true)).toEqual({
      kind: 'Topic',
      name: 'acme/orders.created',
      action: 'created',
      changes: [],
    })
    expect(await everything()).toBe(empty)

    expect(await apply(topic('{ partitions: 4 }'))).toMatchObject({ action: 'created' })
    const status = await streamStatus(region.session, streamName(NAME))
    expect(status).toMatchObject({ messages: 0, lastSequence: 0, lastTimeMs: undefined, replicas: 1 })
    const created = await everything()
    expect(await apply(topic('{ partitions: 4 }'))).toMatchObject({ action: 'unchanged', changes: [] })
    expect(await apply(topic('{ partitions: 8, retention: { age: 2h } }'), true)).toMatchObject({ action: 'updated' })
    expect(await apply(topic('{ partitions: 2 }'), true)).toMatchObject({
      action: 'failed',
      error: { code: 'failed_precondition' },
    })
    expect(await apply(topic('{ partitions: 2 }'))).toMatchObject({
      action: 'failed',
      error: { code: 'failed_precondition' },
    })
    expect(await apply(topic('{ partitions: 4, storage: memory }'))).toMatchObject({ action: 'failed' })
    expect(await everything()).toBe(created)

    const updated = await apply(topic('{ partitions: 8, retention: { age: 2h } }'))
    expect(updated.action).toBe('updated')
    expect(updated.changes.join('; ')).toMatch(/partitions 4 -> 8/)
    const elsewhere = topic(
      '{ partitions: 8, retention: { age: 2h }, replication: { regions: [eu-west] }, failover: none }',
    )
    expect(await apply(elsewhere, true)).toMatchObject({
      action: 'updated',
      changes: ['failover changed', 'replication changed'],
    })
    expect(updated.changes.join('; ')).toMatch(/max_age unlimited -> 2h/)
    expect(await apply(topic('{ partitions: 8, retention: { age: 2h } }'))).toMatchObject({ action: 'unchanged' })
  })

  it('repairs drift: a changed, and a missing stream', async () => {
    await apply(topic('{}', 'drift'))
    const stream = streamName({ tenant: 'acme', topic: 'drift' })
    const info = await region.ask<{ readonly config: object }>(`STREAM.INFO.${stream}`)
    await region.ask(`STREAM.UPDATE.${stream}`, { ...info.config, max_age: 3_600e9 })
    expect(await apply(topic('{}', 'drift'))).toMatchObject({ action: 'updated', changes: ['max_age 1h -> unlimited'] })
    await region.ask(`STREAM.DELETE.${stream}`)
    expect(await streamStatus(region.session, stream)).toBeUndefined()
    expect(await apply(topic('{}', 'drift'))).toMatchObject({ action: 'updated' })
    expect(await streamStatus(region.session, stream)).toBeDefined()
  })

  it('refuses a stream that is not its own, and what the server refuses', async () => {
    await region.makeStream(streamName({ tenant: 'acme', topic: 'foreign' }))
    expect(await apply(topic('{}', 'foreign'))).toMatchObject({
      action: 'failed',
      error: { code: 'failed_precondition' },
    })
    expect(await apply(topic('{ replicas: 3 }', 'three'))).toMatchObject({
      action: 'failed',
      error: { ambiguous: false },
    })
    expect([...(await config.all()).keys()]).not.toContain('topic.acme.three')
  })

  it('stores policies, and tells which fields changed', async () => {
    expect(await apply(policy('publish'), true)).toMatchObject({ action: 'created' })
    expect(await config.all().then((entries) => [...entries.keys()])).not.toContain('policy.acme.team')
    expect(await apply(policy('publish'))).toEqual({
      kind: 'AccessPolicy',
      name: 'acme/team',
      action: 'created',
      changes: [],
      revision: expect.any(Number),
    })
    expect(await apply(policy('publish'))).toMatchObject({ action: 'unchanged' })
    expect(await apply(policy('publish, subscribe'))).toMatchObject({
      action: 'updated',
      changes: ['operations changed'],
    })
  })
})

describe('ConfigBucket', () => {
  it('writes nothing when told so after it has looked, and keeps what holds an entry', async () => {
    const beforeWrite = () => {
      throw new Error('not any more')
    }
    const document = topic('{}', 'fenced')
    await expect(config.put(document, { beforeWrite })).rejects.toThrow('not any more')
    expect(await config.get('topic.acme.fenced')).toBeUndefined()
    await config.put(document, { heldBy: 'acme/fenced 2026-01-01T00:00:00Z u' })
    await expect(config.delete('topic.acme.fenced', { beforeWrite })).rejects.toThrow('not any more')
    expect((await config.get('topic.acme.fenced'))?.value).toContain('acme/fenced 2026-01-01T00:00:00Z u')
    // Who applies the same document by hand changes nothing.
    expect(await apply(document)).toMatchObject({ changes: [] })
    expect((await config.get('topic.acme.fenced'))?.value).toContain('acme/fenced 2026-01-01T00:00:00Z u')
    expect(await config.delete('topic.acme.fenced')).toBe(true)
  })

  /** An apply of many topics was tried again by a client that had waited too long, met its own first attempt, and failed. */
  it('takes the same document from several at once', async () => {
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => apply(topic('{ partitions: 2 }', 'at.once'))))
    expect(outcomes.map(({ error }) => error?.message)).toEqual(outcomes.map(() => undefined))
  })

  it('tells the whole configuration first, then every change, also after a restart', async () => {
    await apply(policy('publish'))
    const snapshots: ConfigSnapshot[] = []
    const stop = await config.watch((snapshot) => snapshots.push(snapshot))
    expect(snapshots).toHaveLength(1)
    expect(snapshots[0]?.topics.has('acme/orders.created')).toBe(true)
    await apply(topic('{}', 'watched'))
    await until(() => snapshots.at(-1)?.topics.has('acme/watched') === true)
    expect(await config.delete('topic.acme.watched')).toBe(true)
    expect(await config.delete('topic.acme.watched')).toBe(false)
    await until(() => snapshots.at(-1)?.topics.has('acme/watched') === false)
    await region.servers.kill()
    await until(() => !region.session.connected)
    await region.servers.start()
    await until(() => region.session.connected)
    await apply(topic('{ partitions: 3 }', 'watched'))
    await until(() => snapshots.at(-1)?.topics.get('acme/watched')?.spec.partitions === 3)
    const revisions = snapshots.map(({ revision }) => revision)
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b))
    await stop()
  })

  it('keeps the last good value of an entry that is broken', async () => {
    const snapshots: ConfigSnapshot[] = []
    await apply(topic('{ partitions: 2 }', 'broken'))
    const stop = await config.watch((snapshot) => snapshots.push(snapshot))
    await region.session.request('$KV.lb-config.topic.acme.broken', '{"kind": "Nonsense"}')
    await apply(topic('{}', 'other'))
    await until(() => snapshots.at(-1)?.topics.has('acme/other') === true)
    expect(snapshots.at(-1)?.topics.get('acme/broken')?.spec.partitions).toBe(2)
    await stop()
  })

  it('goes on when the bucket is deleted and made anew', async () => {
    const snapshots: ConfigSnapshot[] = []
    const stop = await config.watch((snapshot) => snapshots.push(snapshot))
    await region.ask('STREAM.DELETE.KV_lb-config')
    await until(() => snapshots.at(-1)?.topics.size === 0)
    await apply(topic('{ partitions: 8, retention: { age: 2h } }'))
    await until(() => snapshots.at(-1)?.topics.size === 1)
    await stop()
  })
})

describe('CheckpointBucket', () => {
  it('gives back what was put', async () => {
    const bucket = await CheckpointBucket.open({ session: region.session, replicas: 1 })
    const checkpoint = {
      position: { sequence: 5, stamp: 1_700_000_000_000_000_001n },
      lastOf: { sequence: 4, stamp: 3n },
      end: { sequence: 9, stamp: 7n },
    }
    expect(await bucket.get(NAME, 'eu-west')).toBeUndefined()
    await bucket.put(NAME, 'eu-west', checkpoint)
    expect(await bucket.get(NAME, 'eu-west')).toEqual(checkpoint)
    expect(await bucket.get(NAME, 'us-east')).toBeUndefined()
    await bucket.put(NAME, 'eu-west', { ...checkpoint, end: { sequence: 10, stamp: 8n } })
    expect((await bucket.get(NAME, 'eu-west'))?.end.sequence).toBe(10)
  })
})
