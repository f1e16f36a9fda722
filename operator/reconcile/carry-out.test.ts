import { fromData, streamShapeOf, unwrap } from '@landbridge/core'
import type { ConfigBucket, ObservedStream, Streams } from '@landbridge/nats'
import { expect, test } from 'vitest'
import { TOPIC } from '../api/index.ts'
import { carryOut, type Hands } from './carry-out.ts'
import type { Step } from './types.ts'

const metadata = { namespace: 'acme', name: 'orders' }
const document = unwrap(fromData({ apiVersion: 'landbridge.dev/v1alpha1', kind: 'Topic', metadata, spec: {} }))
if (document.kind !== 'Topic') throw new TypeError('wanted a topic')
const shape = streamShapeOf(document, { replicasDefault: 1 })
const OBSERVED: ObservedStream = {
  ...{ shape, topic: 'acme/orders', created: '2026-01-01T00:00:00Z' },
  ...{ messages: 0, bytes: 0, consumers: 0, config: {} },
}
const RESOURCE = {
  ...{ apiVersion: 'landbridge.dev/v1alpha1', kind: 'Topic' },
  metadata: { ...metadata, uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
}

/** A region that tells what is asked of it; whoever asks it loses the lease while it answers. */
function regionOf(there: ObservedStream | undefined) {
  let leading = true
  const calls: string[] = []
  const asked = async (what: string) => {
    calls.push(what)
    leading = false
  }
  const written = async (what: string) => {
    calls.push(what)
    return OBSERVED
  }
  const streams: Pick<Streams, 'get' | 'create' | 'update' | 'delete'> = {
    get: () => asked('get').then(() => there),
    create: () => written('create'),
    update: () => written('update'),
    delete: () => written('delete').then(() => undefined),
  }
  const config: Pick<ConfigBucket, 'put' | 'delete'> = {
    put: async (_, { beforeWrite } = {}) => {
      await asked('head')
      beforeWrite?.()
      await written('put')
      return { revision: 1, changed: true }
    },
    delete: async (_, { beforeWrite } = {}) => {
      await asked('head')
      beforeWrite?.()
      await written('purge')
      return true
    },
  }
  const nothing = () => undefined
  const access = { streams, config }
  const create = () => written('create').then(nothing)
  const region = { access, create, entry: nothing, learn: nothing, learnEntry: nothing }
  const assertLeading = () => {
    if (!leading) throw new Error('lease: is not held')
  }
  const endTerm = () => {
    leading = false
  }
  const hands = { client: undefined, region, assertLeading } as unknown as Hands
  return { calls, hands, endTerm }
}

const UPDATE: Step = { kind: 'update-stream', shape }
const READS_FIRST: readonly (readonly [what: string, step: Step, there: ObservedStream | undefined, read: string])[] = [
  ['update a stream', UPDATE, OBSERVED, 'get'],
  ['make a stream that is gone', UPDATE, undefined, 'get'],
  ['put an entry', { kind: 'put-config', document, heldBy: 'acme/orders 2026-01-01T00:00:00Z u' }, undefined, 'head'],
  ['delete an entry', { kind: 'delete-config', key: 'topic.acme.orders' }, undefined, 'head'],
]

// A leader that was stopped after it had looked wrote over what the next one had made when it woke up.
test.each(READS_FIRST)('a leader whose term ends while it looks does not %s', async (_what, step, there, read) => {
  const { calls, hands } = regionOf(there)
  await expect(carryOut(hands, TOPIC.type, RESOURCE, [step])).rejects.toThrow('lease: is not held')
  expect(calls).toEqual([read])
})

const AT_ONCE: readonly Step[] = [
  { kind: 'create-stream', shape },
  { kind: 'delete-stream', name: shape.name },
]

test.each(AT_ONCE)('who does not lead any more makes no $kind', async (step) => {
  const { calls, hands, endTerm } = regionOf(OBSERVED)
  await carryOut(hands, TOPIC.type, RESOURCE, [step])
  expect(calls).toHaveLength(1)
  endTerm()
  await expect(carryOut(hands, TOPIC.type, RESOURCE, [step])).rejects.toThrow('lease: is not held')
  expect(calls).toHaveLength(1)
})
