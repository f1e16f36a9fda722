import { MeshError } from '@landbridge/core'
import { expect, test } from 'vitest'
import { usageFailure } from './command-failure.ts'
import { exitCodeOf } from './exit-code.ts'
import { explain } from './explain.ts'

test.each([
  [new MeshError('unauthenticated', 'a'), 3, '--token-file'],
  [new MeshError('permission_denied', 'a'), 3, 'AccessPolicy'],
  [new MeshError('unavailable', 'a'), 4, '--endpoints'],
  [new MeshError('deadline_exceeded', 'a'), 4, '--timeout'],
  [new MeshError('deadline_exceeded', 'a: no connection: connect ECONNREFUSED'), 4, '--endpoints'],
  [new MeshError('unavailable', 'a: self-signed certificate in certificate chain'), 4, '--tls-ca'],
  [usageFailure('a', 'do b'), 2, 'do b'],
])('%s ends with %d and a hint', (error, code, hint) => {
  expect(exitCodeOf(error)).toBe(code)
  const [message, line] = explain(error)
  expect(message).toBe(`landbridge: ${error.message}`)
  expect(line).toContain(hint)
})

test('other errors have no hint; a fault of the program shows its stack', () => {
  expect(explain(new MeshError('aborted', 'a'))).toEqual(['landbridge: a'])
  expect(explain(new TypeError('broken'))[0]).toContain('explain.test.ts')
  expect(exitCodeOf(new TypeError('broken'))).toBe(1)
})

test('text of others cannot move the cursor', () => {
  expect(explain(new MeshError('aborted', 'a\u001b[2Jb'))[0]).toBe('landbridge: a\\u001b[2Jb')
})
