export { Budget } from './budget.ts'
export { bytesOf } from './bytes.ts'
export { type EventResult, EventStore } from './event-store.ts'
export { encodeBatchAck, encodePublishResponse } from './response.ts'
