import { create, toBinary } from '@bufbuild/protobuf'
import { messageCodec, SubscribeRequestSchema, SubscribeResponseSchema } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { encodeAck, encodeCredit, type RawDelivery, readResponse } from './frames.ts'

const requests = messageCodec(SubscribeRequestSchema)
const IDS = [1, 127, 128, 300, 2 ** 31, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER]

test('requests written by hand are what the generated code reads', () => {
  expect(requests.deserialize(encodeAck(IDS)).request).toMatchObject({
    case: 'ack',
    value: { deliveryIds: IDS.map(BigInt) },
  })
  expect(requests.deserialize(encodeCredit(7, 2 ** 33)).request).toMatchObject({
    case: 'credit',
    value: { messages: 7, bytes: 2n ** 33n },
  })
  expect(requests.deserialize(encodeCredit(0, 1)).request).toMatchObject({
    case: 'credit',
    value: { messages: 0, bytes: 1n },
  })
})

test('responses written by the generated code are read', () => {
  const heard: unknown[] = []
  const handler = {
    onStarted: (region: string) => void heard.push(region),
    onDelivery: ({ deliveryId, sequence, attempt, event }: RawDelivery) =>
      void heard.push([deliveryId, sequence, attempt, event.length > 0]),
    onSettled: (settled: readonly number[], unknown: readonly number[]) => void heard.push([settled, unknown]),
  }
  const read = (response: Parameters<typeof create<typeof SubscribeResponseSchema>>[1]) =>
    readResponse(Buffer.from(toBinary(SubscribeResponseSchema, create(SubscribeResponseSchema, response))), handler)
  read({ response: { case: 'started', value: { region: 'east' } } })
  const event = { id: 'a', source: '/s', type: 't', specVersion: '1.0' }
  const deliveries = [{ deliveryId: 5n, sequence: 2n ** 40n, attempt: 3, event }, { event }]
  read({ response: { case: 'deliveries', value: { deliveries } } })
  read({ response: { case: 'settled', value: { deliveryIds: IDS.map(BigInt), unknownDeliveryIds: [9n] } } })
  expect(heard).toEqual(['east', [5, 2 ** 40, 3, true], [0, 0, 0, true], [IDS, [9]]])
})

test('a malformed response is an error', () => {
  const handler = { onStarted: () => {}, onDelivery: () => {}, onSettled: () => {} }
  expect(() => readResponse(Buffer.from([0x12, 0x7f]), handler)).toThrow('malformed')
  expect(() => readResponse(Buffer.from([0x12, 0x02, 0x0a, 0x05]), handler)).toThrow('malformed')
})
