import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  configKey,
  documentName,
  formatDocument,
  fromStored,
  heldByOf,
  isStored,
  type MeshDocument,
  parseDocuments,
  toStored,
} from './index.ts'

const TOPIC = `
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata:
  namespace: acme
  name: orders.created
  labels: { team: orders }
spec:
  partitions: 3
  retention: { age: 7d, bytes: 10GiB }
  replication: { regions: [us-east, eu-west] }
  durability: local
`
const POLICY = `
apiVersion: landbridge.dev/v1alpha1
kind: AccessPolicy
metadata: { namespace: acme, name: orders-team }
spec:
  principals:
    - { subject: svc-*, issuer: https://issuer }
    - claim: { name: level, value: 3 }
  topics: ['orders.*']
  operations: [publish, subscribe]
  condition: now.getHours() < 9
`
const PEER = `
apiVersion: landbridge.dev/v1alpha1
kind: RegionPeer
metadata: { name: eu-west }
spec:
  endpoints: ['localhost:8443', 'gateway.eu-west.example:443', '[::1]:443']
`

const BROKEN_PEM = '-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----'
const ED25519 = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'

const policyWith = (field: string, operations = '[publish, subscribe]') =>
  POLICY.replace('[publish, subscribe]', operations).replace('topics:', `${field}\n  topics:`)
const peerWith = (field: string) => `${PEER}  ${field}\n`

describe('documents', () => {
  it('reads a topic and fills in the defaults', () => {
    expect(parseDocuments(TOPIC).value).toEqual([
      {
        kind: 'Topic',
        name: { tenant: 'acme', topic: 'orders.created' },
        spec: {
          partitions: 3,
          retention: { ageMs: 604_800_000, bytes: 10 * 1024 ** 3, events: undefined },
          storage: 'file',
          replicas: undefined,
          maxEventBytes: 1024 ** 2,
          duplicateWindowMs: 120_000,
          failover: 'forward',
          regions: ['eu-west', 'us-east'],
          egress: { filter: undefined, masks: [], classifications: [] },
          owner: '',
          description: '',
          deletionPolicy: 'Retain',
          durability: 'local',
          ordering: 'key',
          sla: undefined,
          deprecation: undefined,
          quorumFallback: 'wait',
        },
      },
    ])
  })

  it('reads several kinds from one text, empty documents aside', () => {
    const documents = parseDocuments(`---\n${TOPIC}---\n---\n${POLICY}---\n${PEER}---\n`).value
    expect(documents?.map(configKey)).toEqual(['topic.acme.orders_created', 'policy.acme.orders-team', 'peer.eu-west'])
    expect(documents?.map(documentName)).toEqual(['acme/orders.created', 'acme/orders-team', 'eu-west'])
  })

  it('reads JSON', () => {
    const [document] = parseDocuments(TOPIC).value ?? []
    if (document === undefined) throw new Error('wanted a document')
    expect(parseDocuments(toStored(document)).value).toEqual([document])
  })

  it('keeps beside a stored document what holds it, and leaves that out of the document', () => {
    const [document, other] = parseDocuments(`${TOPIC}---\n${POLICY}`).value ?? []
    if (document === undefined || other === undefined) throw new Error('wanted documents')
    const stored = toStored(document, 'acme/orders 2026-01-01T00:00:00Z u')
    expect(heldByOf(stored)).toBe('acme/orders 2026-01-01T00:00:00Z u')
    expect(fromStored(stored).value).toEqual(document)
    expect([isStored(stored, document), isStored(stored, other), isStored('{}', document)]).toEqual([
      true,
      false,
      false,
    ])
    for (const text of [toStored(document), '{}', 'null', 'no JSON', '{"metadata":{"annotations":3}}']) {
      expect(heldByOf(text)).toBeUndefined()
    }
  })

  it.each<[what: string, text: string, problem: RegExp]>([
    ['nothing', '', /are none, wanted at least one/],
    ['a text', 'hello', /document 1 is "hello", wanted fields/],
    ['broken YAML', 'a: [', /document 1, line 1: /],
    ['a repeated key', `${TOPIC}  partitions: 4\n`, /line 13: Map keys must be unique/],
    ['a tag', 'a: !!js/function x', /Unresolved tag/],
    ['an alias bomb', bomb(), /more than 50 aliases/],
    ['deep nesting', '['.repeat(200_000), /document 1/],
    [
      'another version',
      TOPIC.replace('v1alpha1', 'v2'),
      /apiVersion: is "landbridge.dev\/v2", wanted "landbridge.dev\/v1alpha1"/,
    ],
    ['another kind', TOPIC.replace('kind: Topic', 'kind: Topik'), /kind: is "Topik", wanted "Topic" or/],
    [
      'an unknown field',
      TOPIC.replace('partitions', 'partition'),
      /document 1 \(Topic orders.created\), spec.partition: is not known, wanted one of/,
    ],
    ['an unknown field below', TOPIC.replace('age:', 'maxAge:'), /spec.retention.maxAge: is not known/],
    ['a status', `${TOPIC}status: {}\n`, /status: is not known/],
    ['a number for a duration', TOPIC.replace('7d', '7'), /spec.retention.age: is 7, wanted a text such as/],
    [
      'a short window',
      TOPIC.replace('partitions: 3', 'duplicateWindow: 29s'),
      /spec.duplicateWindow: is 29s, wanted 30s to 1d/,
    ],
    [
      'a window beyond the age',
      TOPIC.replace('7d', '1m'),
      /spec.duplicateWindow: is 2m, wanted at most retention.age, 1m/,
    ],
    [
      'a large event',
      TOPIC.replace('partitions: 3', 'maxEventBytes: 9MiB'),
      /spec.maxEventBytes: is 9MiB, wanted 1KiB to 8MiB/,
    ],
    ['no partitions', TOPIC.replace('partitions: 3', 'partitions: 0'), /spec.partitions: is 0, wanted 1 to 256/],
    [
      'half a partition',
      TOPIC.replace('partitions: 3', 'partitions: 1.5'),
      /spec.partitions: is 1.5, wanted a whole number/,
    ],
    ['two replicas', TOPIC.replace('partitions: 3', 'replicas: 2'), /spec.replicas: is 2, wanted 1, 3 or 5/],
    ['a region twice', TOPIC.replace('eu-west', 'us-east'), /spec.replication.regions\[1\]: is "us-east" again/],
    [
      'a bad region',
      TOPIC.replace('eu-west', 'EU'),
      /spec.replication.regions\[1\]: is "EU", wanted the name of a region/,
    ],
    [
      'a bad tenant',
      TOPIC.replace('namespace: acme', 'namespace: A_'),
      /metadata.namespace: is "A_", wanted the name of a tenant/,
    ],
    ['a bad name', TOPIC.replace('name: orders.created', 'name: orders..x'), /metadata: topic: name is "orders..x"/],
    ['no spec', PEER.slice(0, PEER.indexOf('spec')), /spec: is missing/],
    ['masks of a topic', TOPIC.replace('partitions: 3', 'masks: []'), /spec.masks: is not known/],
    [
      'masks for nobody',
      policyWith('masks: [{ path: data.a, action: drop }]', '[publish]'),
      /wanted the operation "subs/,
    ],
    ['a mask without action', policyWith('masks: [{ path: data.a }]'), /spec.masks\[0\].action: is missing/],
    ['a mask of no data', policyWith('masks: [{ path: a, action: drop }]'), /spec.masks\[0\].path: cannot be read/],
    ['a quota of nothing', policyWith('quotas: { eventsPerSecond: 0 }'), /spec.quotas.eventsPerSecond: is 0, wanted 1/],
    ['a quota that is no size', policyWith('quotas: { bytesPerSecond: 100 }'), /spec.quotas.bytesPerSecond: is 100/],
    [
      'a quota for nobody',
      policyWith('quotas: { eventsPerSecond: 1 }', '[admin]'),
      /wanted the operation "publish" or/,
    ],
    ['a CA that is none', peerWith('trust: { ca: hello }'), /spec.trust.ca: has no certificate/],
    ['a CA that does not parse', peerWith(`trust: { ca: "${BROKEN_PEM}" }`), /spec.trust.ca: does not parse/],
    ['a SPIFFE id of nobody', peerWith('trust: { spiffe: eu-west }'), /spec.trust.spiffe: is no SPIFFE id/],
    ['keys that are none', peerWith("trust: { jwks: '{}' }"), /spec.trust.jwks: is no JWK Set/],
    ['no keys', peerWith(`trust: { jwks: '{"keys":[]}' }`), /spec.trust.jwks: has 0 keys/],
    [
      'a key for signatures with a secret',
      peerWith(`trust: { jwks: '{"keys":[{"kty":"oct","k":"x"}]}' }`),
      /no public/,
    ],
    ['a private key', peerWith(`trust: { jwks: '{"keys":[{"kty":"OKP","d":"x"}]}' }`), /has a private key \(1\)/],
    ['trust that nobody knows', peerWith('trust: { issuer: x }'), /spec.trust.issuer: is not known/],
    ['exports of no tenant', peerWith('exports: [orders]'), /spec.exports\[0\]: is "orders", wanted "<tenant>/],
    [
      'a durability nobody knows',
      TOPIC.replace('durability: local', 'durability: always'),
      /spec.durability: is "always"/,
    ],
    ['an operation to come', POLICY.replace('subscribe]', 'replay]'), /spec.operations\[1\]: is "replay", wanted/],
    ['an unknown operation', POLICY.replace('subscribe]', 'all]'), /spec.operations\[1\]: is "all", wanted/],
    ['nobody', POLICY.replace('- claim: { name: level, value: 3 }', '- {}'), /spec.principals\[1\]: names nobody/],
    [
      'no principals',
      POLICY.replace(/principals:.*?topics/s, 'principals: []\n  topics'),
      /spec.principals: is a list of 0/,
    ],
    [
      'a star in the middle',
      POLICY.replace('svc-*', 's*c'),
      /spec.principals\[0\].subject: is "s\*c", wanted "\*" as last character only/,
    ],
    ['an empty subject', POLICY.replace('svc-*', '""'), /spec.principals\[0\]: has an empty text/],
    [
      'a bad SPIFFE id',
      POLICY.replace('subject: svc-*', 'spiffe: mesh/x'),
      /spec.principals\[0\].spiffe: is "mesh\/x"/,
    ],
    ['a claim without value', POLICY.replace(', value: 3', ''), /spec.principals\[1\].claim.value: is missing/],
    ['bad CEL', POLICY.replace('< 9', '<'), /spec.condition: is wrong/],
    ['CEL that is no boolean', POLICY.replace(' < 9', ''), /spec.condition: is of type int, wanted bool/],
    ['a topic of another shape', POLICY.replace("'orders.*'", 'acme/orders'), /spec.topics\[0\]: is "acme\/orders"/],
    [
      'a peer in a tenant',
      PEER.replace('name:', 'namespace: acme, name:'),
      /metadata.namespace: is given, wanted none/,
    ],
    [
      'an endpoint without port',
      PEER.replace('localhost:8443', 'localhost'),
      /spec.endpoints\[0\]: is "localhost", wanted "host:port"/,
    ],
    ['a port that is none', PEER.replace('8443', '84430'), /spec.endpoints\[0\]/],
    ['the same document twice', `${TOPIC}---${TOPIC}`, /document 2 \(Topic orders.created\) is the same as document 1/],
  ])('refuses %s', (_, text, problem) => {
    const { error } = parseDocuments(text)
    expect(error?.code).toBe('invalid_argument')
    expect(error?.message).toMatch(problem)
  })

  it('lists every problem of every document, and returns none of them', () => {
    const text = [TOPIC.replace('3', '0').replace('7d', 'x'), POLICY, PEER.replace('eu-west', 'EU')].join('---')
    const { value, error } = parseDocuments(text)
    expect(value).toBeUndefined()
    expect(error?.message.split('\n')).toEqual([
      'documents: 3 problems, wanted none',
      expect.stringContaining('document 1 (Topic orders.created), spec.retention.age: '),
      expect.stringContaining('document 1 (Topic orders.created), spec.partitions: '),
      expect.stringContaining('document 3 (RegionPeer EU), metadata: '),
    ])
  })

  it('keeps the list of problems short enough for a gRPC status', () => {
    const topics = Array.from({ length: 256 }, (_, index) => `"${'/'.repeat(200)}${index}"`).join(', ')
    const { error } = parseDocuments(POLICY.replace("'orders.*'", topics))
    expect(error?.message).toMatch(/256 problems.*and 236 more$/s)
    expect(error?.message.length).toBeLessThan(7000)
  })

  it('bounds text and number of documents', () => {
    expect(parseDocuments(`# ${'x'.repeat(1024 ** 2)}`).error?.code).toBe('resource_exhausted')
    expect(parseDocuments(`${TOPIC}---${POLICY}`, { documentsMax: 1 }).error?.code).toBe('resource_exhausted')
  })

  it('reads back what it wrote, as YAML and as stored', () => {
    fc.assert(
      fc.property(documents(), (document) => {
        expect(parseDocuments(formatDocument(document)).value).toEqual([document])
        expect(fromStored(toStored(document)).value).toEqual(document)
      }),
      { numRuns: 200 },
    )
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(parseDocuments(text).error).toBeDefined()
        expect(fromStored(text).error).toBeDefined()
      }),
      { numRuns: 500 },
    )
  })
})

function documents(): fc.Arbitrary<MeshDocument> {
  const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/)
  const text = fc.string({ maxLength: 40 })
  const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
  const topic: fc.Arbitrary<MeshDocument> = fc.record({
    kind: fc.constant('Topic'),
    name: fc.record({
      tenant: label,
      topic: fc.array(label, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.')),
    }),
    spec: fc
      .record({
        partitions: fc.integer({ min: 1, max: 256 }),
        ordering: fc.constantFrom('key', 'none'),
        sla: maybe(
          fc.record({
            latencyMs: maybe(fc.integer({ min: 1, max: 86_400_000 })),
            availability: maybe(fc.constant('99.9%')),
          }),
        ),
        deprecation: maybe(
          fc.record({
            message: fc.constant('use another'),
            sunsetMs: maybe(fc.integer({ min: 0, max: 4e12 })),
            replacement: maybe(fc.constant('acme/orders')),
          }),
        ),
        retention: fc.record({
          ageMs: maybe(fc.integer({ min: 86_400_000, max: 1e10 })),
          bytes: maybe(fc.integer({ min: 8 * 1024 ** 2, max: 1e14 })),
          events: maybe(fc.integer({ min: 1, max: 1e9 })),
        }),
        storage: fc.constantFrom('file', 'memory'),
        replicas: maybe(fc.constantFrom(1, 3, 5)),
        maxEventBytes: fc.integer({ min: 1024, max: 8 * 1024 ** 2 }),
        duplicateWindowMs: fc.integer({ min: 30_000, max: 86_400_000 }),
        failover: fc.constantFrom('forward', 'none'),
        durability: fc.constantFrom('local', 'quorum'),
        quorumFallback: fc.constantFrom('wait', 'degrade'),
        regions: fc.uniqueArray(label, { maxLength: 4 }).map((regions) => regions.toSorted()),
        egress: fc.constantFrom(
          { filter: undefined, masks: [], classifications: [] },
          {
            filter: undefined,
            masks: [{ path: 'data["a \\" name"][*].x', action: 'hash' as const }],
            classifications: [{ classification: 'secret', regions: ['*', 'eu-west'] }],
          },
        ),
        owner: text,
        description: text,
        deletionPolicy: fc.constantFrom('Retain', 'Delete'),
      })
      // Nobody would hold the events as they are.
      .filter(({ quorumFallback, egress }) => quorumFallback === 'degrade' || egress.masks.length === 0),
  })
  const policy: fc.Arbitrary<MeshDocument> = fc.record({
    kind: fc.constant('AccessPolicy'),
    tenant: label,
    name: label,
    spec: fc
      .record({
        principals: fc.array(
          fc.oneof(
            label.map((subject) => ({ subject: `${subject}*` })),
            label.map((group) => ({ group, issuer: 'https://issuer' })),
            fc.record({ name: label, value: fc.oneof(text, fc.boolean(), fc.integer()) }).map((claim) => ({ claim })),
          ),
          { minLength: 1, maxLength: 3 },
        ),
        topics: fc.uniqueArray(label, { minLength: 1, maxLength: 3 }),
        operations: fc.uniqueArray(fc.constantFrom('publish', 'subscribe', 'admin'), { minLength: 1 }),
        condition: maybe(fc.constantFrom('tenant == "x"', 'true')),
        masks: fc.constantFrom([], [{ path: 'data.a', action: 'drop' as const }]),
        quotas: fc.record({
          eventsPerSecond: maybe(fc.integer({ min: 1, max: 10_000_000 })),
          bytesPerSecond: maybe(fc.integer({ min: 1, max: 1024 ** 4 })),
        }),
      })
      // The rest would be without effect.
      .filter(({ operations, masks }) => masks.length === 0 || operations.includes('subscribe'))
      .filter(
        ({ operations, quotas }) =>
          operations.some((o) => o !== 'admin') || Object.values(quotas).every((q) => q === undefined),
      ),
  })
  const patterns = fc.uniqueArray(
    label.map((name) => `${name}/*`),
    { maxLength: 3 },
  )
  const peer: fc.Arbitrary<MeshDocument> = fc.record({
    kind: fc.constant('RegionPeer'),
    region: label,
    spec: fc.record({
      endpoints: fc.constant(['gateway.example:443']),
      serverName: maybe(fc.constant('gateway.example')),
      cost: fc.integer({ min: 0, max: 65_535 }),
      topics: patterns,
      exports: maybe(patterns),
      imports: maybe(patterns),
      trust: fc.record({
        ca: fc.constant(undefined),
        spiffe: maybe(label.map((name) => `spiffe://mesh/region/${name}`)),
        jwks: maybe(fc.constant(`{"keys":[${ED25519}]}`)),
      }),
    }),
  })
  return fc.oneof(topic, policy, peer)
}

function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x]']
  for (let depth = 1; depth < 8; depth++) {
    lines.push(
      `a${depth}: &a${depth} [${Array(8)
        .fill(`*a${depth - 1}`)
        .join(', ')}]`,
    )
  }
  return lines.join('\n')
}
