export type { GatewayView } from './gateway-view.ts'
export { RegionState, type RegionStateOptions } from './region-state.ts'
