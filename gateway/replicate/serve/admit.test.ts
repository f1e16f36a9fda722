import { EMPTY_SNAPSHOT, parseDocuments, unwrap } from '@landbridge/core'
import { RefusalReason } from '@landbridge/proto'
import { expect, test } from 'vitest'
import type { TopicEntry } from '../../topics.ts'
import { admit, type Question } from './admit.ts'

const TOPIC = 'acme/orders'

function registryOf(spec: string, ...peers: readonly string[]) {
  const [topic] = unwrap(parseDocuments(document('Topic', 'namespace: acme, name: orders', spec)))
  const peerDocuments = peers.flatMap((name) =>
    unwrap(parseDocuments(document('RegionPeer', `name: ${name}`, '{ endpoints: ["localhost:1"] }'))),
  )
  if (topic?.kind !== 'Topic') throw new Error('no topic')
  const snapshot = {
    ...EMPTY_SNAPSHOT,
    topics: new Map([[TOPIC, topic]]),
    peers: new Map(peerDocuments.flatMap((peer) => (peer.kind === 'RegionPeer' ? [[peer.region, peer]] : []))),
  }
  const entry = { key: TOPIC, stream: 's', document: topic } as TopicEntry
  return { snapshot, get: (key: string) => (key === TOPIC ? entry : undefined) }
}

function document(kind: string, metadata: string, spec: string): string {
  return `apiVersion: landbridge.dev/v1alpha1\nkind: ${kind}\nmetadata: { ${metadata} }\nspec: ${spec}\n`
}

const reasonOf = (spec: string, question: Partial<Question>, region = 'here') => {
  const registry = registryOf(spec, 'b', 'c')
  const asked = { peer: 'c', topicKey: TOPIC, origin: 'a', receiver: 'c', path: [], ...question }
  const { reason } = admit(registry, region, asked)
  return reason === undefined ? 'allowed' : RefusalReason[reason]
}

test.each<[string, string, Partial<Question>]>([
  ['a peer for itself', 'allowed', {}],
  ['a relay for another one', 'allowed', { peer: 'b', path: ['c', 'b'] }],
  ['a receiver that we do not know', 'allowed', { peer: 'b', receiver: 'z', path: ['z', 'b'] }],
  ['a stranger', 'NOT_ALLOWED', { peer: 'z', receiver: 'z' }],
  ['a topic that is not there', 'UNKNOWN_TOPIC', { topicKey: 'acme/else' }],
  ['the origin itself', 'CANNOT_TELL', { origin: 'c' }],
  ['a subject instead of a name', 'CANNOT_TELL', { origin: '>' }],
  ['what we asked for ourselves', 'CANNOT_TELL', { peer: 'b', receiver: 'here', path: ['here', 'b'] }],
  ['a circle', 'CANNOT_TELL', { peer: 'b', path: ['c', 'here', 'b'] }],
  ['a path that ends elsewhere', 'CANNOT_TELL', { peer: 'b', path: ['c', 'd'] }],
  ['a path that begins elsewhere', 'CANNOT_TELL', { peer: 'b', path: ['d', 'b'] }],
  ['a receiver without a path', 'CANNOT_TELL', { peer: 'b' }],
  ['one region twice', 'CANNOT_TELL', { peer: 'b', path: ['c', 'd', 'd', 'b'] }],
  ['a path of eight', 'CANNOT_TELL', { peer: 'b', path: ['c', '1', '2', '3', '4', '5', '6', 'b'] }],
])('%s: %s', (_, expected, question) => {
  expect(reasonOf('{}', question)).toBe(expected)
})

test('every region on the way must be one of the topic', () => {
  const regions = (...names: readonly string[]) => `{ replication: { regions: [${names.join(', ')}] } }`
  const viaB = { peer: 'b', path: ['c', 'b'] }
  expect(reasonOf(regions('a', 'b', 'c', 'here'), viaB)).toBe('allowed')
  expect(reasonOf(regions('a', 'b', 'here'), viaB)).toBe('NOT_ALLOWED')
  expect(reasonOf(regions('a', 'c', 'here'), viaB)).toBe('NOT_ALLOWED')
})

test('a relay must be allowed all that the receiver may have; the origin asks it of those on the way', () => {
  const rule = (...names: readonly string[]) =>
    `{ replication: { classifications: [{ classification: secret, regions: [${names.join(', ')}] }] } }`
  expect(reasonOf(rule('a', 'c'), {})).toBe('CANNOT_TELL')
  expect(reasonOf(rule('a', 'c', 'here'), {})).toBe('allowed')
  expect(reasonOf(rule('a'), {})).toBe('allowed')
  const viaB = { peer: 'b', path: ['c', 'b'] }
  expect(reasonOf(rule('a', 'c'), viaB, 'a')).toBe('CANNOT_TELL')
  expect(reasonOf(rule('a', 'b', 'c'), viaB, 'a')).toBe('allowed')
})
