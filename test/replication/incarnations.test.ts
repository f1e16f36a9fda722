import type { TopicName } from '@landbridge/core'
import { BatchWriter, CheckpointBucket } from '@landbridge/nats'
import { expect, test } from 'vitest'
import { Incarnations } from '../../gateway/replicate/pull/incarnations.ts'
import { LocalStream } from '../../gateway/replicate/pull/local-stream.ts'
import type { TopicEntry } from '../../gateway/topics.ts'
import { numbered, startRegion } from '../nats/fixtures.ts'

const name: TopicName = { tenant: 'acme', topic: 'orders' }
const STREAM = 'lb_acme_orders'
const quiet = { code: 'unavailable', message: expect.stringContaining('was made anew') }

/** A stream, a gateway's view of it, and its clocks. */
async function startStream() {
  const region = await startRegion()
  const make = () => region.makeStream(STREAM, { subjects: ['lb.acme.orders.>'] })
  await make()
  const { session } = region
  const checkpoints = await CheckpointBucket.open({ session, replicas: 1 })
  const topic = { key: 'acme/orders', stream: STREAM, document: { name } } as TopicEntry
  const time = { ms: 0 }
  const gateway = () => {
    const incarnations = new Incarnations({ elapsed: () => time.ms })
    return { local: () => new LocalStream({ session, checkpoints, incarnations, topic, origin: 'us-east' }) }
  }
  const remake = async () => {
    await region.ask(`STREAM.DELETE.${STREAM}`)
    await make()
  }
  return { region, checkpoints, time, gateway, remake, [Symbol.asyncDispose]: () => region[Symbol.asyncDispose]() }
}

test('nothing is applied for a batch life after a stream was made anew', async () => {
  await using stream = await startStream()
  const { local } = stream.gateway()
  await local().opening()
  await stream.remake()
  await expect(local().opening()).rejects.toMatchObject(quiet)
  stream.time.ms = 9_999
  await expect(local().opening()).rejects.toMatchObject({ ...quiet, retryAfterMs: 1 })
  stream.time.ms = 10_000
  expect(await local().opening()).toMatchObject({ last: undefined })
  await stream.remake()
  await expect(local().opening()).rejects.toMatchObject(quiet)
})

test('a new gateway waits when the stream was made anew while none ran', async () => {
  await using stream = await startStream()
  await stream.gateway().local().opening()
  await stream.gateway().local().opening()
  await stream.remake()
  // Cut short and started again in the silence, it waits anew.
  await expect(stream.gateway().local().opening()).rejects.toMatchObject(quiet)
  const { local } = stream.gateway()
  await expect(local().opening()).rejects.toMatchObject(quiet)
  stream.time.ms = 10_000
  await local().opening()
  await stream.gateway().local().opening()
})

test('where no incarnation was kept, a new gateway waits for a young stream that a checkpoint does not fit', async () => {
  await using stream = await startStream()
  await using writer = new BatchWriter({ session: stream.region.session, stream: STREAM })
  await writer.store([numbered('lb.acme.orders.eu-west.0', 1)])
  const end = { sequence: 1, stamp: 10n }
  const position = { sequence: 7, stamp: 70n }
  await stream.checkpoints.put(name, 'us-east', { position, lastOf: { sequence: 0, stamp: 0n }, end })
  await expect(stream.gateway().local().opening()).rejects.toMatchObject(quiet)
})
