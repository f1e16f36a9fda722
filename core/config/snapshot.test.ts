import { describe, expect, it } from 'vitest'
import { configKey, type MeshDocument, parseDocuments, toStored } from '../documents/index.ts'
import { unwrap } from '../result.ts'
import { buildSnapshot, EMPTY_SNAPSHOT } from './index.ts'

const DOCUMENTS = unwrap(
  parseDocuments(`
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: orders.created }
spec: {}
---
apiVersion: landbridge.dev/v1alpha1
kind: AccessPolicy
metadata: { namespace: acme, name: team }
spec: { principals: [{ subject: svc }], topics: ['*'], operations: [publish] }
---
apiVersion: landbridge.dev/v1alpha1
kind: RegionPeer
metadata: { name: eu-west }
spec: { endpoints: ['localhost:443'] }
`),
)
const PRINCIPAL = { kind: 'jwt', subject: 'svc', issuer: 'i', groups: [], spiffe: undefined, claims: {} } as const

describe('snapshot', () => {
  it('holds every document of the bucket', () => {
    const { snapshot, problems } = buildSnapshot(7, DOCUMENTS.map(entry))
    expect(problems).toEqual([])
    expect(snapshot.revision).toBe(7)
    expect(snapshot.topics.get('acme/orders.created')).toEqual(DOCUMENTS[0])
    expect(snapshot.peers.get('eu-west')).toEqual(DOCUMENTS[2])
    expect(mayPublish(snapshot, 'acme')).toBe(true)
  })

  it('leaves out what is broken, and keeps the rest', () => {
    const { snapshot, problems, brokenKeys } = buildSnapshot(8, [
      ...DOCUMENTS.map(entry),
      ['topic.acme.broken', '{'],
      ['topic.acme.newer', '{"apiVersion":"landbridge.dev/v9"}'],
    ])
    expect(snapshot.topics.size).toBe(1)
    expect(brokenKeys).toEqual(['topic.acme.broken', 'topic.acme.newer'])
    expect(problems[0]).toContain('configuration "topic.acme.broken": stored document: is no JSON')
  })

  it('takes no document under the key of another one', () => {
    const policy = DOCUMENTS[1]
    if (policy === undefined) throw new Error('wanted a policy')
    const { snapshot, problems } = buildSnapshot(9, [['policy.bolt.team', toStored(policy)]])
    expect(problems).toEqual([
      'configuration "policy.bolt.team": holds the document of "policy.acme.team", wanted its own',
    ])
    expect(mayPublish(snapshot, 'acme')).toBe(false)
    expect(mayPublish(snapshot, 'bolt')).toBe(false)
  })

  it('allows nobody anything before the first document', () => {
    expect(mayPublish(EMPTY_SNAPSHOT, 'acme')).toBe(false)
  })
})

function entry(document: MeshDocument): readonly [string, string] {
  return [configKey(document), toStored(document)]
}

function mayPublish(
  snapshot: { policies: { decide: typeof EMPTY_SNAPSHOT.policies.decide } },
  tenant: string,
): boolean {
  const request = { principal: PRINCIPAL, tenant, topic: 'orders.created', operation: 'publish', now: 0 } as const
  return snapshot.policies.decide(request).allowed
}
