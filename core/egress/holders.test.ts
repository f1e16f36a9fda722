import { CloudEventSchema, messageCodec } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { parseDocuments } from '../documents/index.ts'
import { appendAttributes, encodeStringAttribute } from '../event/attribute-writer.ts'
import { regionsThatHold } from './holders.ts'

const plain = messageCodec(CloudEventSchema).serialize({
  $typeName: 'io.cloudevents.v1.CloudEvent',
  id: '1',
  source: '/test',
  specVersion: '1.0',
  type: 'test',
  attributes: {},
  data: { case: undefined },
})
const classified = (name: string) => appendAttributes(plain, encodeStringAttribute('dataclassification', name))
const regions = ['eu', 'ap']
const rules =
  'classifications: [{ classification: pii, regions: [us, eu] }, { classification: secret, regions: [us, ap] }]'

test.each([
  ['everybody', '', [plain], undefined],
  ['nobody who gets them masked', 'masks: [{ path: data.x, action: drop }]', [plain], []],
  ['nobody behind a filter', 'filter: \'event.type == "test"\'', [plain], []],
  ['whoever may', rules, [plain], regions],
  ['who may have one of them', rules, [plain, classified('pii')], ['eu']],
  ['who may have each of them', rules, [classified('secret'), classified('pii')], []],
])('events are held by %s', (_, replication, events, held) => {
  const text = `
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: orders }
spec: { replication: { ${replication} } }
`
  const [document] = parseDocuments(text).value ?? []
  if (document?.kind !== 'Topic') throw new Error('wanted a topic')
  expect(regionsThatHold(document, events, regions)).toEqual(held && new Set(held))
})
