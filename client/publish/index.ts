export { publish } from './publisher.ts'
export type { Receipt } from './receipt.ts'
