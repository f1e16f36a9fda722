import { isRecord } from './records.ts'

/** Key-value bucket of a region in which each of its gateways gives signs of life, one entry a gateway. */
export const GATEWAYS_BUCKET = 'lb-gateways'

/** What a gateway says of itself with every sign. */
export type GatewaySign = {
  /** Its name, unique in its region. */
  readonly gateway: string
  /** Revision of the configuration bucket that it runs: every change up to there is live in it. 0: none, or not told. */
  readonly revision: number
}

/** The entry of the bucket. */
export function formatSign(sign: GatewaySign): string {
  return JSON.stringify(sign)
}

/** Reads an entry; undefined when no gateway wrote it. One of an older version does not tell its revision. */
export function parseSign(text: string): GatewaySign | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (!isRecord(value) || typeof value.gateway !== 'string') return undefined
    const { gateway, revision } = value
    return { gateway, revision: typeof revision === 'number' && Number.isSafeInteger(revision) ? revision : 0 }
  } catch {
    return undefined
  }
}
