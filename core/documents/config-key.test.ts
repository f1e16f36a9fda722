import { expect, test } from 'vitest'
import { streamName } from '../subjects.ts'
import { configKeyOfStream } from './document.ts'
import { parseDocumentKey } from './document-key.ts'

test.each([
  ['acme', 'orders'],
  ['acme-eu', 'orders.created.v-2'],
])("the stream of %s's %s leads to the key of its document", (tenant, topic) => {
  const { key } = parseDocumentKey('Topic', `${tenant}/${topic}`).value ?? {}
  expect(configKeyOfStream(streamName({ tenant, topic }))).toBe(key)
})

test.each(['KV_lb-config', 'lb_acme', 'lb__orders', 'orders'])('%s is the stream of no topic', (stream) => {
  expect(configKeyOfStream(stream)).toBeUndefined()
})
