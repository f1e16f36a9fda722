import { type Logger, pino, stdSerializers } from 'pino'
import type { Config } from '../config.ts'

/** The log of the process: JSON lines on stdout. `log.info({ topic }, 'what happened')`. */
export type Log = Logger

/**
 * Makes the log. Every line has `time` (ISO 8601), `level`, `msg`, `region`, `gateway`; lines about a call that
 * carries a `traceparent` also `trace_id` and `span_id`. Pass errors as `err`: their type, text, stack and causes are logged.
 */
export function createLog(config: Pick<Config, 'region' | 'gateway' | 'logLevel'>): Log {
  return pino({
    level: config.logLevel,
    base: { region: config.region, gateway: config.gateway },
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
