import { expect, test } from 'vitest'
import { Claims } from './claims.ts'
import type { MeshResource } from './types.ts'

const made = (creationTimestamp: string, uid: string): MeshResource => ({
  apiVersion: 'landbridge.dev/v1alpha1',
  kind: 'Topic',
  metadata: { name: 'orders', uid, resourceVersion: '1', creationTimestamp },
})

test('the older resource has what two ask for, and the other gets it when that goes', () => {
  const claims = new Claims()
  expect(claims.set('new/orders', 'topic.acme.orders', made('2026-02-01T00:00:00Z', 'a'))).toEqual([])
  expect(claims.holderOf('topic.acme.orders')).toBe('new/orders')
  expect(claims.set('old/orders', 'topic.acme.orders', made('2026-01-01T00:00:00Z', 'b'))).toEqual(['new/orders'])
  expect(claims.holderOf('topic.acme.orders')).toBe('old/orders')
  expect(claims.set('old/orders', 'topic.acme.orders', made('2026-01-01T00:00:00Z', 'b'))).toEqual([])
  expect(claims.set('old/orders', undefined, undefined)).toEqual(['new/orders'])
  expect(claims.holderOf('topic.acme.orders')).toBe('new/orders')
  expect(claims.set('new/orders', undefined, undefined)).toEqual([])
  expect(claims.holderOf('topic.acme.orders')).toBeUndefined()
})

test('of one age the smaller uid has it', () => {
  const claims = new Claims()
  claims.set('b/orders', 'x', made('2026-01-01T00:00:00Z', 'b'))
  claims.set('a/orders', 'x', made('2026-01-01T00:00:00Z', 'a'))
  expect(claims.holderOf('x')).toBe('a/orders')
})
