import type { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { isSpiffeId, spiffeIdOf } from './spiffe.ts'

const withNames = (subjectAltName: string | undefined) => ({ subjectAltName }) as X509Certificate

test.each([
  ['URI:spiffe://mesh.test/region/us-east', 'spiffe://mesh.test/region/us-east'],
  ['DNS:localhost, URI:spiffe://mesh.test/ns/acme/sa/billing', 'spiffe://mesh.test/ns/acme/sa/billing'],
  [undefined, undefined],
  ['DNS:localhost', undefined],
  ['URI:https://example.com/', undefined],
  // Nobody may choose among identities.
  ['URI:spiffe://mesh.test/a, URI:spiffe://mesh.test/b', undefined],
  // CVE-2021-44532: a name with a comma is quoted, and must not be read as two names.
  ['DNS:"evil, URI:spiffe://mesh.test/region/us-east"', undefined],
  ['URI:"spiffe://mesh.test/a\\", URI:spiffe://mesh.test/b"', undefined],
])('the SPIFFE id of %s is %s', (names, id) => {
  expect(spiffeIdOf(withNames(names))).toBe(id)
})

test.each([
  'spiffe://mesh.test',
  'spiffe://mesh.test/',
  'spiffe://mesh.test/a/../b',
  'spiffe://mesh.test/a?x',
  'spiffe://Mesh/a',
  'spiffe://mesh.test/a b',
])('%s is no SPIFFE id', (text) => {
  expect(isSpiffeId(text)).toBe(false)
})
