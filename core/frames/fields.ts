// Field numbers of landbridge.v1 messages that are read or written by hand; a test holds them against the generated code.

/** `PublishRequest` */
export const PublishRequestField = { topic: 1, events: 2, retry: 3, sentTime: 4 } as const

/** `PublishStreamRequest` */
export const PublishStreamRequestField = { batchId: 1, topic: 2, events: 3, retry: 4, sentTime: 5 } as const

/** `ForwardRequest` */
export const ForwardRequestField = { topic: 1, events: 2, retry: 3, sentTime: 4, principal: 5 } as const

/** `SubscribeResponse` */
export const SubscribeResponseField = { started: 1, deliveries: 2, settled: 3 } as const

/** `Deliveries` */
export const DeliveriesField = { deliveries: 1 } as const

/** `Delivery` */
export const DeliveryField = { deliveryId: 1, sequence: 2, attempt: 3, event: 4 } as const

/** `ReplicateResponse` */
export const ReplicateResponseField = {
  records: 1,
  head: 2,
  refused: 3,
  heartbeat: 4,
  skipped: 5,
  match: 6,
  holdings: 7,
  pong: 8,
} as const

/** `PullRecords` */
export const PullRecordsField = { pullId: 1, records: 2 } as const

/** `Record` */
export const RecordField = {
  sequence: 1,
  stamp: 2,
  prevSequence: 3,
  prevStamp: 4,
  partition: 5,
  mark: 6,
  event: 7,
} as const

/** `RetryMark` */
export const RetryMarkField = { region: 1, sinceMs: 2, untilMs: 3 } as const
