import { describe, expect, test } from 'vitest'
import { codeOfGrpcStatus, grpcStatusOf, MeshError, type MeshErrorCode } from './errors.ts'

const STATUSES: readonly (readonly [MeshErrorCode, number])[] = [
  ['cancelled', 1],
  ['invalid_argument', 3],
  ['deadline_exceeded', 4],
  ['not_found', 5],
  ['already_exists', 6],
  ['permission_denied', 7],
  ['resource_exhausted', 8],
  ['failed_precondition', 9],
  ['aborted', 10],
  ['out_of_range', 11],
  ['unimplemented', 12],
  ['internal', 13],
  ['unavailable', 14],
  ['unauthenticated', 16],
]

test.each(STATUSES)('%s is gRPC status %i and back', (code, status) => {
  expect(grpcStatusOf(code)).toBe(status)
  expect(codeOfGrpcStatus(status)).toBe(code)
})

test.each([0, 2, 15, 17, -1, Number.NaN])('gRPC status %d is internal', (status) => {
  expect(codeOfGrpcStatus(status)).toBe('internal')
})

describe('MeshError.from', () => {
  test('keeps a MeshError', () => {
    const error = new MeshError('aborted', 'x: y', { ambiguous: true, retryAfterMs: 5, cause: 1 })
    expect(MeshError.from(error)).toBe(error)
    expect(error).toMatchObject({ name: 'MeshError', ambiguous: true, retryAfterMs: 5, cause: 1 })
  })

  test('knows aborts and timeouts', () => {
    expect(MeshError.from(AbortSignal.abort().reason).code).toBe('cancelled')
    expect(MeshError.from(new DOMException('slow', 'TimeoutError')).code).toBe('deadline_exceeded')
  })

  const hostile = new Proxy(new Error('x'), {
    getPrototypeOf() {
      throw new Error('trap')
    },
  })
  test.each([
    ['an error', new Error('password=x')],
    ['nothing', undefined],
    ['text', 'secret'],
    ['a proxy', hostile],
  ])('makes %s internal without its text, and keeps the cause', (_what, cause) => {
    const error = MeshError.from(cause)
    expect(error.code).toBe('internal')
    expect(error.message).toBe('call: failed unexpectedly; the log of the process has the cause')
    expect(Object.is(error.cause, cause)).toBe(true)
  })
})
