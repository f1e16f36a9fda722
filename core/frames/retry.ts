import { messageCodec, RetrySchema } from '@landbridge/proto'
import { isLabel, quote } from '../names.ts'
import type { PublishAttempt } from '../replication/index.ts'
import { fail, type Result, succeed } from '../result.ts'
import { asBuffer } from '../wire.ts'

/** Longest time since a first attempt that a client may name, in milliseconds: 7 days. */
export const RETRY_AGE_MAX_MS = 7 * 24 * 3_600_000

const codec = messageCodec(RetrySchema)

/** Reads an encoded `Retry`: what a client knows of earlier attempts. Never throws. */
export function parseRetry(bytes: Uint8Array): Result<PublishAttempt> {
  const retry = decode(bytes)
  if (retry === undefined) return fail('invalid_argument', 'retry: is malformed, wanted an encoded Retry')
  // Rounded up: the span in which copies are looked for only grows.
  const ageMs = retry.age === undefined ? 0 : Number(retry.age.seconds) * 1_000 + Math.ceil(retry.age.nanos / 1_000_000)
  if (!(ageMs >= 0 && ageMs <= RETRY_AGE_MAX_MS)) {
    return fail('invalid_argument', `retry: age is ${ageMs} ms, wanted 0 to ${RETRY_AGE_MAX_MS} ms (7 days)`)
  }
  if (retry.region !== '' && !isLabel(retry.region)) {
    return fail('invalid_argument', `retry: region is ${quote(retry.region)}, wanted the name of a region or nothing`)
  }
  return succeed({ ageMs, region: retry.region, elsewhere: retry.elsewhere })
}

function decode(bytes: Uint8Array) {
  try {
    return codec.deserialize(asBuffer(bytes))
  } catch {
    return undefined
  }
}
