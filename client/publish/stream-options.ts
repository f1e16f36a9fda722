import { MeshError } from '@landbridge/core'

/** How a publish stream behaves. */
export type PublishStreamOptions = {
  /** Events that may wait for their acknowledgement, those in flight included, 1 to 1,000,000. Default 20,000. */
  readonly queueEvents?: number | undefined
  /** Their bytes, 1 to 1 GiB; one send may exceed it. Default 64 MiB. */
  readonly queueBytes?: number | undefined
  /** Time of an event, from the moment it is queued until it is given up, milliseconds. Default: the connection's `timeoutMs`. */
  readonly timeoutMs?: number | undefined
  /** Time without an acknowledgement after which the next endpoint is tried, milliseconds. Default 3,000. */
  readonly ackTimeoutMs?: number | undefined
  /**
   * Batches that are sent before the first of them is acknowledged, 1 to 16. Default 16. More fill a link with a long way
   * there and back; order does not depend on it.
   */
  readonly maxBatchesInFlight?: number | undefined
  /** Ends the stream with `cancelled`. Default: none. */
  readonly signal?: AbortSignal | undefined
}

/** Below what a gateway takes. */
const BATCHES_IN_FLIGHT_MAX = 16

/** Checked options with every default in place. */
export type PublishStreamSettings = {
  readonly queueEvents: number
  readonly queueBytes: number
  readonly timeoutMs: number
  readonly ackTimeoutMs: number
  readonly maxBatchesInFlight: number
}

/** Fills in defaults. @throws MeshError 'invalid_argument'. */
export function publishStreamSettings(
  options: PublishStreamOptions,
  defaults: { readonly timeoutMs: number },
): PublishStreamSettings {
  const { queueEvents = 20_000, queueBytes = 64 * 1024 * 1024, ackTimeoutMs = 3_000 } = options
  const { maxBatchesInFlight = BATCHES_IN_FLIGHT_MAX } = options
  const timeoutMs = options.timeoutMs ?? defaults.timeoutMs
  check('queueEvents', queueEvents, 1_000_000)
  check('queueBytes', queueBytes, 1024 ** 3)
  check('timeoutMs', timeoutMs, Number.POSITIVE_INFINITY)
  check('ackTimeoutMs', ackTimeoutMs, Number.POSITIVE_INFINITY)
  check('maxBatchesInFlight', maxBatchesInFlight, BATCHES_IN_FLIGHT_MAX)
  if (!Number.isInteger(maxBatchesInFlight)) {
    const text = `publish stream: maxBatchesInFlight is ${maxBatchesInFlight}, wanted a whole number`
    throw new MeshError('invalid_argument', text)
  }
  return { queueEvents, queueBytes, timeoutMs, ackTimeoutMs, maxBatchesInFlight }
}

function check(name: string, value: number, max: number): void {
  if (value >= 1 && value <= max) return
  throw new MeshError('invalid_argument', `publish stream: ${name} is ${value}, wanted 1 to ${max}`)
}
