import { create, fromBinary } from '@bufbuild/protobuf'
import { CloudEventSchema, messageCodec, SubscribeResponseSchema } from '@landbridge/proto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cloudEvents } from '../testing/cloud-events.ts'
import { encodeDeliveries } from './deliveries.ts'

const eventCodec = messageCodec(CloudEventSchema)
const responseCodec = messageCodec(SubscribeResponseSchema)
const safe = fc.oneof(fc.maxSafeNat(), fc.nat(300))

test('deliveries are byte for byte what Protobuf-ES writes', () => {
  const delivery = fc.record({ deliveryId: safe, sequence: safe, attempt: fc.nat(), event: cloudEvents })
  fc.assert(
    fc.property(fc.array(delivery, { maxLength: 6 }), (deliveries) => {
      const bytes = encodeDeliveries(
        deliveries.map(({ event, ...rest }) => ({ ...rest, event: eventCodec.serialize(event) })),
      )
      const message = create(SubscribeResponseSchema, {
        response: {
          case: 'deliveries',
          value: {
            deliveries: deliveries.map(({ deliveryId, sequence, ...rest }) => ({
              ...rest,
              deliveryId: BigInt(deliveryId),
              sequence: BigInt(sequence),
            })),
          },
        },
      })
      expect(bytes.equals(responseCodec.serialize(message))).toBe(true)
      expect(fromBinary(SubscribeResponseSchema, new Uint8Array(bytes))).toEqual(message)
    }),
  )
})
