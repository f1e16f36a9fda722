import { create, toBinary } from '@bufbuild/protobuf'
import { WireReader } from '@landbridge/core'
import { DeliverySchema, SettledSchema, SubscribeRequestSchema, SubscribeResponseSchema } from '@landbridge/proto'
import type { StartContender } from '../contender.ts'
import { Stopwatch } from '../stopwatch.ts'
import { GatewayClient } from './gateway-client.ts'

const CREDIT = 10_000
const DELIVERIES = SubscribeResponseSchema.field.deliveries.number
const SETTLED = SubscribeResponseSchema.field.settled.number
const DELIVERY_ID = DeliverySchema.field.deliveryId.number
const UNKNOWN = SettledSchema.field.unknownDeliveryIds.number

/** One member of a group that acknowledges what it gets, frame by frame; counted is what the gateway has confirmed. */
export const start: StartContender<'subscribe'> = async ({ access, topic }) => {
  const client = new GatewayClient(access)
  return {
    run: ({ group, events }) =>
      new Promise((resolve, reject) => {
        const call = client.open('subscribe')
        const watch = new Stopwatch()
        let settled = 0
        call.on('error', reject)
        call.on('data', (response: Buffer) => {
          const reader = new WireReader(response)
          while (reader.next()) {
            if (reader.field === DELIVERIES) {
              const ids = deliveryIds(reader.bytes())
              call.write(encode({ case: 'ack', value: { deliveryIds: ids } }))
              call.write(encode({ case: 'credit', value: { messages: ids.length, bytes: 0n } }))
            } else if (reader.field === SETTLED) {
              const count = settledCount(reader.bytes())
              settled += count
              watch.acknowledged(count)
            }
          }
          if (settled < events) return
          call.off('error', reject)
          call.on('error', () => {})
          call.end()
          resolve(watch.stop())
        })
        call.write(
          encode({
            case: 'start',
            value: {
              topic,
              group,
              position: { position: { case: 'earliest', value: true } },
              credit: { messages: CREDIT, bytes: 0n },
            },
          }),
        )
      }),
    close: async () => client.close(),
  }
}

type Request = NonNullable<Parameters<typeof create<typeof SubscribeRequestSchema>>[1]>['request']

function encode(request: NonNullable<Request>): Buffer {
  return Buffer.from(toBinary(SubscribeRequestSchema, create(SubscribeRequestSchema, { request })))
}

function deliveryIds(deliveries: Buffer): bigint[] {
  const ids: bigint[] = []
  const outer = new WireReader(deliveries)
  const inner = new WireReader()
  while (outer.next()) {
    inner.reset(deliveries, outer.start, outer.end)
    while (inner.next()) if (inner.field === DELIVERY_ID) ids.push(inner.uint64())
  }
  return ids
}

/** @throws {Error} when the gateway disowned a delivery: then the figures would count something twice. */
function settledCount(settled: Buffer): number {
  let count = 0
  const reader = new WireReader(settled)
  while (reader.next()) {
    if (reader.field === UNKNOWN) throw new Error('subscribe: the gateway does not know a delivery that it made')
    // A packed list of varints: as many as there are bytes without the continuation bit.
    for (let index = reader.start; index < reader.end; index++) if ((settled[index] ?? 0) < 0x80) count++
  }
  return count
}
