export type { Delivery } from './delivery.ts'
export type { StartFrom, SubscribeOptions } from './options.ts'
export { Subscription } from './subscription.ts'
