import type { Logger } from 'pino'

/** What the operator's parts log to. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>
