import { type Logger, pino, stdSerializers } from 'pino'

/** The log of a process: JSON lines on stdout. `log.info({ topic }, 'what happened')`. */
export type Log = Logger

/** Levels of the log. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

/**
 * Makes the log. Every line has `time` (ISO 8601), `level`, `msg` and the fields of `base`; pass errors as `err`: their
 * type, text, stack and causes are logged.
 */
export function createLog(level: LogLevel, base: Readonly<Record<string, string>>): Log {
  return pino({
    level,
    base,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: stdSerializers.errWithCause },
    redact: { paths: ['authorization', 'token', '*.authorization', '*.token'], censor: '[hidden]' },
  })
}

/** A log that says nothing, for tests. */
export function silentLog(): Log {
  return pino({ level: 'silent' })
}
