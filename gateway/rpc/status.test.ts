import { status } from '@grpc/grpc-js'
import { MeshError } from '@landbridge/core'
import { expect, test } from 'vitest'
import { silentLog } from '../telemetry/index.ts'
import { RETRY_AFTER_KEY, statusOf } from './status.ts'

const of = (thrown: unknown) => statusOf(thrown, silentLog(), '/test')

test('a mesh error keeps its code, its text and its retry delay', () => {
  const { code, details, metadata } = of(new MeshError('unavailable', 'store: away', { retryAfterMs: 12.3 }))
  expect([code, details, metadata.get(RETRY_AFTER_KEY)]).toEqual([status.UNAVAILABLE, 'store: away', ['13']])
})

test.each([
  new Error('password is 1234'),
  'password is 1234',
  undefined,
  new MeshError('internal', 'password is 1234'),
])('what is not for callers leaves as INTERNAL without its text: %s', (thrown) => {
  const { code, details } = of(thrown)
  expect(code).toBe(status.INTERNAL)
  expect(details).not.toContain('1234')
})

test('text from callers is cut, and can be written as a header', () => {
  // grpc-js percent-encodes the text, which throws for half a surrogate pair.
  const { details } = of(new MeshError('invalid_argument', `${'x'.repeat(999)}\u{1f600}\ud800`))
  expect(details.length).toBeLessThanOrEqual(1000)
  expect(() => encodeURI(details)).not.toThrow()
})
