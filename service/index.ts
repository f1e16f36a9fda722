/** What every process of the mesh has: a log, operations endpoints, traces, variables, a beginning and an end. */
export { createLog, type Log, type LogLevel, silentLog } from './log.ts'
export { openTracing } from './open-tracing.ts'
export { type OperationsOptions, OperationsServer } from './operations-server.ts'
export { runService, type ServiceStart } from './run-service.ts'
export type { Tracing, TracingOptions } from './tracing.ts'
export * from './variables.ts'
