import { expect, test } from 'vitest'
import { writeFreshest } from './freshest.ts'
import { KubeError } from './kube-error.ts'
import type { KubeObject } from './types.ts'

const at = (resourceVersion: string, uid = 'u'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 'x', uid, resourceVersion, creationTimestamp: '' },
})
const conflict = () => new KubeError('apply: it was changed', { status: 409, reason: 'Conflict' })

/** A server on which somebody else writes before each of the first `storms` writes. */
function server(storms: number) {
  let version = 2
  let writes = 0
  return {
    read: async () => at(String(version)),
    write: async (object: KubeObject) => {
      writes += 1
      if (writes <= storms) version += 1
      if (object.metadata.resourceVersion !== String(version)) throw conflict()
      return at(String(version + 1))
    },
  }
}

test('a write gets through while others write', async () => {
  const written = await writeFreshest(at('1'), { ...server(3), holds: () => true })
  expect(written.metadata.resourceVersion).toBe('6')
})

test.each([
  ['that does not hold any more', server(1), () => false],
  ['that meets a conflict each time', server(99), () => true],
  ['to an object that was made anew', { ...server(1), read: async () => at('3', 'other') }, () => true],
])('a write %s is a conflict', async (_, steps, holds) => {
  await expect(writeFreshest(at('1'), { ...steps, holds })).rejects.toMatchObject({ status: 409 })
})

test('another error is no reason to write again', async () => {
  const write = () => Promise.reject(new KubeError('apply: forbidden', { status: 403 }))
  await expect(writeFreshest(at('1'), { ...server(0), write, holds: () => true })).rejects.toMatchObject({
    status: 403,
  })
})
