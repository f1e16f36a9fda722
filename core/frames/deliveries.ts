import { bytesFieldSize, varintFieldSize, WireWriter } from '../wire.ts'
import { DeliveriesField, DeliveryField, SubscribeResponseField } from './fields.ts'

/** One event on its way to a subscriber; the numbers are safe integers, not negative. */
export type RawDelivery = {
  /** Names this delivery in settlements. */
  readonly deliveryId: number
  /** Sequence in this region's stream. */
  readonly sequence: number
  /** 1 for the first delivery to the group. */
  readonly attempt: number
  /** The event as stored. */
  readonly event: Uint8Array
}

/** An encoded `SubscribeResponse { deliveries }` around events that stay encoded: one allocation, one copy of each. */
export function encodeDeliveries(deliveries: readonly RawDelivery[]): Buffer {
  let length = 0
  for (const delivery of deliveries) length += bytesFieldSize(DeliveriesField.deliveries, sizeOf(delivery))
  const writer = new WireWriter(bytesFieldSize(SubscribeResponseField.deliveries, length))
  writer.message(SubscribeResponseField.deliveries, length)
  for (const delivery of deliveries) {
    writer.message(DeliveriesField.deliveries, sizeOf(delivery))
    if (delivery.deliveryId !== 0) writer.varint(DeliveryField.deliveryId, delivery.deliveryId)
    if (delivery.sequence !== 0) writer.varint(DeliveryField.sequence, delivery.sequence)
    if (delivery.attempt !== 0) writer.varint(DeliveryField.attempt, delivery.attempt)
    writer.bytes(DeliveryField.event, delivery.event)
  }
  return writer.buffer
}

function sizeOf(delivery: RawDelivery): number {
  return (
    (delivery.deliveryId === 0 ? 0 : varintFieldSize(DeliveryField.deliveryId, delivery.deliveryId)) +
    (delivery.sequence === 0 ? 0 : varintFieldSize(DeliveryField.sequence, delivery.sequence)) +
    (delivery.attempt === 0 ? 0 : varintFieldSize(DeliveryField.attempt, delivery.attempt)) +
    bytesFieldSize(DeliveryField.event, delivery.event.length)
  )
}
