export * from './clock.ts'
export * from './clock-estimate.ts'
export * from './config/index.ts'
export * from './documents/index.ts'
export * from './egress/index.ts'
export * from './errors.ts'
export { ATTRIBUTE_NAME_LENGTH_MAX } from './event/attribute-scanner.ts'
export { appendAttributes, encodeStringAttribute, encodeTimestampAttribute } from './event/attribute-writer.ts'
export { scanAttributes } from './event/attributes.ts'
export type { RetryMark } from './event/retry-mark.ts'
export { type EventBytes, type ScannedEvent, scanEvent } from './event/scan.ts'
export { EventStamper, type EventStamperOptions, MeshAttribute } from './event/stamper.ts'
export { type Exchange, exchangeOf } from './exchange.ts'
export { encodeDeliveries, type RawDelivery } from './frames/deliveries.ts'
export {
  PUBLISH_EVENTS_MAX,
  type RawForward,
  type RawPublish,
  type RawPublishBatch,
  readForwardRequest,
  readPublishRequest,
  readPublishStreamRequest,
} from './frames/publish-request.ts'
export { encodeRecords, PULL_RECORDS_MAX, type RawRecord, recordByteLength } from './frames/records-writer.ts'
export { type RawReplicateResponse, readReplicateResponse } from './frames/replicate-response.ts'
export { parseRetry, RETRY_AGE_MAX_MS } from './frames/retry.ts'
export { parseJwks, thumbprintOf } from './jwks.ts'
export { MESSAGE_ID_LENGTH_MAX, messageId } from './message-id.ts'
export * from './names.ts'
export { orAborted } from './or-aborted.ts'
export { PARTITIONS_MAX, partitionOf } from './partition.ts'
export { certificatesIn } from './pem.ts'
export * from './policy/index.ts'
export * from './publish-route.ts'
export { Queue } from './queue.ts'
export * from './reconcile/index.ts'
export * from './region-view/index.ts'
export * from './replication/index.ts'
export * from './result.ts'
export * from './share.ts'
export * from './subjects.ts'
export { encodeTimestamp } from './timestamp.ts'
export * from './wire.ts'
