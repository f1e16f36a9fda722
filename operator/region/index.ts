export type { PeerFigures, TopicFigures, Trouble } from './figures.ts'
export { Region, type RegionOptions } from './region.ts'
export type { Following } from './sign-board.ts'
