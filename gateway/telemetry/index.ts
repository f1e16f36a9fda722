export { createLog, type Log, silentLog } from './log.ts'
export { Metrics } from './metrics.ts'
