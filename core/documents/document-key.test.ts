import { expect, test } from 'vitest'
import { configKey } from './document.ts'
import { parseDocumentKey } from './document-key.ts'
import { parseDocuments } from './parse.ts'

const DOCUMENTS = `
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: orders.created }
spec: {}
---
apiVersion: landbridge.dev/v1alpha1
kind: AccessPolicy
metadata: { namespace: acme, name: team.a }
spec: { principals: [{ subject: a }], topics: ['*'], operations: [publish] }
---
apiVersion: landbridge.dev/v1alpha1
kind: RegionPeer
metadata: { name: eu-west }
spec: { endpoints: ['h:1'] }
`

test('a name leads to the key of its document', () => {
  const names = ['acme/orders.created', 'acme/team.a', 'eu-west']
  const documents = parseDocuments(DOCUMENTS).value ?? []
  expect(documents).toHaveLength(3)
  for (const [index, document] of documents.entries()) {
    const name = names[index] ?? ''
    expect(parseDocumentKey(document.kind, name).value).toMatchObject({ name, key: configKey(document) })
  }
})

test.each([
  ['Secret', 'acme/x', /kind: is "Secret", wanted "Topic"/],
  ['Topic', 'orders', /wanted "<tenant>\/<topic>"/],
  ['AccessPolicy', 'acme/X', /name is "X"/],
  ['RegionPeer', 'acme/x', /region: is "acme\/x"/],
])('%s %s is refused', (kind, name, problem) => {
  expect(parseDocumentKey(kind, name).error?.message).toMatch(problem)
})
