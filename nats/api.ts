import { requestError, ServerError, type ServerErrorBody } from './server-error.ts'
import type { NatsSession } from './session.ts'

/**
 * Asks the JetStream API; rejects with a `ServerError` when it refuses, with another MeshError when nobody answers.
 * @param subject what follows "$JS.API.", for example "STREAM.INFO.lb_acme_orders"
 * @param timeoutMs default 5,000
 */
export async function askJetStream<T>(
  session: NatsSession,
  subject: string,
  body: unknown = undefined,
  timeoutMs = 5_000,
): Promise<T> {
  const prefix = session.domain === undefined ? '$JS.API' : `$JS.${session.domain}.API`
  const payload = body === undefined ? '' : JSON.stringify(body)
  const answer = await session.request(`${prefix}.${subject}`, payload, timeoutMs)
  let parsed: T & { readonly error?: ServerErrorBody }
  try {
    parsed = JSON.parse(Buffer.from(answer.buffer, answer.byteOffset, answer.length).toString())
  } catch (cause) {
    throw requestError(`ask ${subject}`, cause)
  }
  if (parsed.error !== undefined) throw new ServerError(`ask ${subject}`, parsed.error)
  return parsed
}

/** What this package reads of a STREAM.INFO answer. */
export type StreamInfo = {
  /** RFC 3339; another text after the stream was made anew. */
  readonly created: string
  readonly config: Readonly<Record<string, unknown>>
  readonly state: {
    readonly messages: number
    readonly bytes: number
    readonly first_seq: number
    readonly last_seq: number
    readonly first_ts?: string
    readonly last_ts?: string
    readonly consumer_count: number
  }
  readonly cluster?: { readonly leader?: string; readonly replicas?: readonly unknown[] }
  /** When the leader said this, by its own clock. */
  readonly ts?: string
}

/** The stream's configuration and state, from its leader. */
export function askStreamInfo(session: NatsSession, stream: string): Promise<StreamInfo> {
  return askJetStream<StreamInfo>(session, `STREAM.INFO.${stream}`)
}
