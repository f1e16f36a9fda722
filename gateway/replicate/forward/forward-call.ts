import { create } from '@bufbuild/protobuf'
import { Metadata, type ServiceError } from '@grpc/grpc-js'
import {
  bytesFieldSize,
  codeOfGrpcStatus,
  encodeTimestamp,
  MeshError,
  RETRY_AGE_MAX_MS,
  WireWriter,
} from '@landbridge/core'
import {
  type ForwardResponse,
  grpcMethods,
  messageCodec,
  ReplicationService,
  RetrySchema,
  rawCodec,
} from '@landbridge/proto'
import { PEER_TOKEN_KEY } from '../identity/peer-token.ts'
import type { PeerChannel } from '../link/channel.ts'

/** Field numbers of `ForwardRequest`; a test holds them against the generated code. */
const Field = { topic: 1, events: 2, retry: 3, sentTime: 4, principal: 5 } as const

const { path, responseDeserialize } = grpcMethods(ReplicationService).forward
const retryCodec = messageCodec(RetrySchema)

/** What a call says. */
export type ForwardMessage = {
  /** "<tenant>/<topic>". */
  readonly topic: string
  /** Encoded, as published. */
  readonly events: readonly Uint8Array[]
  /** Time since the first attempt, ms. */
  readonly ageMs: number
  /** Region of the first attempt; empty when unknown. */
  readonly firstRegion: string
  /** Now, by the region's clock, ms since 1970. */
  readonly sentMs: number
  /** Who published. */
  readonly principal: string
}

/** The encoded `ForwardRequest`. Its events are not decoded. */
export function encodeForward({ topic, events, ageMs, firstRegion, sentMs, principal }: ForwardMessage): Buffer {
  const age = Math.min(Math.ceil(ageMs), RETRY_AGE_MAX_MS)
  const retry = retryCodec.serialize(
    create(RetrySchema, {
      age: { seconds: BigInt(Math.floor(age / 1_000)), nanos: (age % 1_000) * 1_000_000 },
      region: firstRegion,
      elsewhere: true,
    }),
  )
  const sentTime = encodeTimestamp(sentMs)
  let size =
    bytesFieldSize(Field.topic, Buffer.byteLength(topic)) +
    bytesFieldSize(Field.retry, retry.length) +
    bytesFieldSize(Field.sentTime, sentTime.length) +
    bytesFieldSize(Field.principal, Buffer.byteLength(principal))
  for (const event of events) size += bytesFieldSize(Field.events, event.length)
  const writer = new WireWriter(size)
  writer.text(Field.topic, topic)
  for (const event of events) writer.bytes(Field.events, event)
  writer.bytes(Field.retry, retry)
  writer.bytes(Field.sentTime, sentTime)
  writer.text(Field.principal, principal)
  return writer.buffer
}

/** One call. @throws MeshError; ambiguous unless the events were certainly not stored there. */
export function callForward(
  { client }: PeerChannel,
  token: string,
  request: Buffer,
  timeoutMs: number,
): Promise<ForwardResponse> {
  const metadata = new Metadata()
  metadata.set(PEER_TOKEN_KEY, token)
  const { promise, resolve, reject } = Promise.withResolvers<ForwardResponse>()
  const options = { deadline: Date.now() + timeoutMs }
  client.makeUnaryRequest(
    path,
    rawCodec.serialize,
    responseDeserialize,
    request,
    metadata,
    options,
    (error, response) => {
      if (error === null && response !== undefined) resolve(response)
      else reject(errorOf(error))
    },
  )
  return promise
}

/** A region that answers with one of these may have stored the events, or nobody knows whether they came there. */
const AMBIGUOUS = new Set(['unavailable', 'deadline_exceeded', 'cancelled', 'aborted', 'internal'])
const RETRY_AFTER_KEY = 'retry-after-ms'
/** How grpc-js words a failure without a connection. */
const NEVER_SENT = /^(?:No connection established|Name resolution failed)|Waiting for LB pick/

function errorOf(error: ServiceError | null): MeshError {
  if (error === null) return new MeshError('internal', 'the other region gave no answer', { ambiguous: true })
  const code = codeOfGrpcStatus(error.code)
  // A gateway that names the time until the next attempt has tried nothing.
  const turnedAway = code === 'unavailable' && (error.metadata?.get(RETRY_AFTER_KEY).length ?? 0) > 0
  const ambiguous = AMBIGUOUS.has(code) && !turnedAway && !NEVER_SENT.test(error.details)
  return new MeshError(code, error.details, { cause: error, ambiguous })
}
