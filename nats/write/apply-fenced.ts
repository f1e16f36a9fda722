import { MeshError } from '@landbridge/core'
import { createInbox, type Msg } from '@nats-io/nats-core'
import { FrameWriter } from '../outbound.ts'
import { requestError, SERVER_ERROR, ServerError } from '../server-error.ts'
import type { NatsSession } from '../session.ts'
import { ATOMIC_MESSAGES_MAX } from './atomic-unit.ts'
import { headerBlock, type StoreRequest, type WriteMode } from './store.ts'
import { type Ack, isNoResponders, readAck } from './unit.ts'

/** Options of `applyFenced`. */
export type ApplyOptions = {
  readonly session: NatsSession
  readonly stream: string
  /** Default 'atomic'. */
  readonly mode?: WriteMode
  /** 1 to 1,000. */
  readonly requests: readonly StoreRequest[]
  /** The batch is stored only if the last record that matches `filter` has `sequence`; 0: there is none. */
  readonly fence: { readonly filter: string; readonly sequence: number }
  /** Default 5,000, at most 10,000 (a batch's life). */
  readonly timeoutMs?: number
}

/** What became of a fenced batch. */
export type ApplyResult =
  | { readonly kind: 'stored'; readonly lastSequence: number }
  /** The filter's last sequence was another one: nothing is stored. */
  | { readonly kind: 'fenced' }
  /** A message id of the batch was known already: nothing of the batch is stored. */
  | { readonly kind: 'duplicate' }
  /** Nothing is stored unless `error.ambiguous`. */
  | { readonly kind: 'failed'; readonly error: MeshError }

const TIMEOUT_MAX_MS = 10_000
/** The lines that a batch and a fence add to a header block, the fence's filter aside: at most this many bytes. */
const LINES_BYTES_MAX = 232

/**
 * Stores replicated records: all of them in their order, or none (RULES.md, rules 3 and 6). Never rejects.
 *
 * An atomic batch: a fast one would skip a repeated first message without a look at its fence, and let the rest pass
 * unfenced. On a server without atomic batches the records go one by one, each fenced behind the one before; then
 * a failure may leave a beginning of them stored, which `error.ambiguous` says.
 */
export async function applyFenced(options: ApplyOptions): Promise<ApplyResult> {
  const { session, stream, requests, fence } = options
  const action = `apply to ${stream}`
  const [first] = requests
  if (first === undefined || requests.length > ATOMIC_MESSAGES_MAX) {
    const message = `${action}: ${requests.length} records, wanted 1 to ${ATOMIC_MESSAGES_MAX}`
    return { kind: 'failed', error: new MeshError('invalid_argument', message) }
  }
  for (const request of requests) {
    const bytes = request.payload.length + headerBlock(request).length + fence.filter.length + LINES_BYTES_MAX
    if (bytes <= session.maxPayloadBytes) continue
    const message = `${action}: a record takes up to ${bytes} bytes, NATS takes ${session.maxPayloadBytes}`
    return { kind: 'failed', error: new MeshError('invalid_argument', message) }
  }
  const timeoutMs = Math.min(options.timeoutMs ?? 5_000, TIMEOUT_MAX_MS)
  if (requests.length === 1) return applyOne(options, first, fence.sequence, timeoutMs)
  if (options.mode === 'single' || !session.serverIsAtLeast(2, 12)) return applySequence(options, timeoutMs)
  return applyBatch(options, timeoutMs)
}

function applyBatch(options: ApplyOptions, timeoutMs: number): Promise<ApplyResult> {
  const { requests, fence } = options
  return exchange(options, timeoutMs, (frames, inbox) => {
    const batchId = inbox.slice(inbox.lastIndexOf('.') + 1)
    for (const [index, request] of requests.entries()) {
      const isLast = index === requests.length - 1
      const lines = [
        `Nats-Batch-Id: ${batchId}\r\nNats-Batch-Sequence: ${index + 1}\r\n`,
        index === 0 ? fenceLines(fence.filter, fence.sequence) : '',
        isLast ? 'Nats-Batch-Commit: 1\r\n' : '',
      ]
      frames.append(request.subject, isLast ? inbox : '', headerBlock(request, lines.join('')), request.payload)
    }
  })
}

function applyOne(
  options: ApplyOptions,
  request: StoreRequest,
  sequence: number,
  timeoutMs: number,
): Promise<ApplyResult> {
  return exchange(options, timeoutMs, (frames, inbox) => {
    const headers = headerBlock(request, fenceLines(options.fence.filter, sequence))
    frames.append(request.subject, inbox, headers, request.payload)
  })
}

async function applySequence(options: ApplyOptions, timeoutMs: number): Promise<ApplyResult> {
  const deadline = performance.now() + timeoutMs
  const { epoch } = options.session
  let last = options.fence.sequence
  for (const [index, request] of options.requests.entries()) {
    const result = await applyOne(options, request, last, Math.max(1, deadline - performance.now()))
    if (result.kind === 'stored') last = result.lastSequence
    else if (index === 0) return result
    if (result.kind !== 'stored' || options.session.epoch !== epoch) {
      const message = `apply to ${options.stream}: ended after ${index} of ${options.requests.length} records`
      return { kind: 'failed', error: new MeshError('aborted', message, { ambiguous: true }) }
    }
  }
  return { kind: 'stored', lastSequence: last }
}

function fenceLines(filter: string, sequence: number): string {
  return `Nats-Expected-Last-Subject-Sequence: ${sequence}\r\nNats-Expected-Last-Subject-Sequence-Subject: ${filter}\r\n`
}

/** Sends what `send` writes, and waits for the one reply that tells. */
function exchange(
  { session, stream, requests }: ApplyOptions,
  timeoutMs: number,
  send: (frames: FrameWriter, inbox: string) => void,
): Promise<ApplyResult> {
  const action = `apply to ${stream}`
  if (!session.connected) {
    const error = new MeshError('unavailable', `${action}: there is no connection to NATS`, { retryAfterMs: 250 })
    return Promise.resolve({ kind: 'failed', error })
  }
  return new Promise((resolve) => {
    const inbox = createInbox()
    const finish = (result: ApplyResult) => {
      clearTimeout(timer)
      stopListening()
      subscription.unsubscribe()
      resolve(result)
    }
    const lost = (code: 'unavailable' | 'deadline_exceeded', text: string) =>
      finish({
        kind: 'failed',
        error: new MeshError(code, `${action}: ${text}`, { ambiguous: true, retryAfterMs: 250 }),
      })
    const timer = setTimeout(() => lost('deadline_exceeded', 'no answer from NATS in time'), timeoutMs)
    const stopListening = session.onChange(() => lost('unavailable', 'the connection to NATS was lost'))
    const subscription = session.connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null) finish({ kind: 'failed', error: requestError(action, error) })
        else finish(readResult(action, message, requests.length))
      },
    })
    const frames = new FrameWriter(session.connection)
    send(frames, inbox)
    frames.flush()
  })
}

function readResult(action: string, message: Msg, count: number): ApplyResult {
  if (isNoResponders(message)) {
    const text = `${action}: the stream has no leader at the moment, or is not there`
    return { kind: 'failed', error: new MeshError('unavailable', text, { retryAfterMs: 250 }) }
  }
  const ack: Ack | undefined = readAck(message)
  if (ack === undefined) {
    const text = `${action}: NATS gave an answer that is none of JetStream's`
    return { kind: 'failed', error: new MeshError('internal', text, { ambiguous: true }) }
  }
  if (ack.error === undefined) {
    return ack.duplicate === true ? { kind: 'duplicate' } : { kind: 'stored', lastSequence: ack.seq ?? 0 }
  }
  switch (ack.error.err_code) {
    case SERVER_ERROR.wrongLastSequence:
    case SERVER_ERROR.wrongLastSequenceConstant:
      return { kind: 'fenced' }
    case SERVER_ERROR.atomicDuplicate:
      return { kind: 'duplicate' }
    case SERVER_ERROR.duplicateInProcess:
      // For a single record it would say too much: its first copy may still get lost.
      return count > 1 ? { kind: 'duplicate' } : { kind: 'failed', error: new ServerError(action, ack.error) }
    default:
      return { kind: 'failed', error: new ServerError(action, ack.error) }
  }
}
