/** Fields of one log line; values must be JSON. */
export type LogFields = Readonly<Record<string, unknown>>

/** Where this package reports what an operator should know. A pino logger fits. */
export type Log = {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

/** Swallows everything; the default where a `log` option is left out. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
