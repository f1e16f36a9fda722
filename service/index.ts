/** What every process of the mesh has: a log, operations endpoints, variables, a beginning and an end. */
export { createLog, type Log, type LogLevel, silentLog } from './log.ts'
export { type OperationsOptions, OperationsServer } from './operations-server.ts'
export { runService, type ServiceStart } from './run-service.ts'
export * from './variables.ts'
