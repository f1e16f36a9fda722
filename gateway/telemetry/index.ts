export type { EventTracing } from './event-tracing.ts'
export { createLog, type Log, silentLog } from './log.ts'
export { Metrics } from './metrics.ts'
export { traceFieldsOf } from './trace-context.ts'
