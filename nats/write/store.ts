import { MeshError } from '@landbridge/core'

/** One event for a stream. */
export type StoreRequest = {
  readonly subject: string
  /** An encoded "NATS/1.0\r\n...\r\n\r\n" block, or '' for none but the message id. */
  readonly headers: string
  readonly payload: Uint8Array
  /** Becomes Nats-Msg-Id, unless it is ''. Must not be repeated inside `headers`. */
  readonly messageId: string
}

/** What became of one request. */
export type StoreResult =
  /** `sequence` 0: stored, the server did not tell where. */
  | { readonly kind: 'stored'; readonly sequence: number }
  /** An event with this message id was stored before; `sequence` 0 when the server did not tell where. */
  | { readonly kind: 'duplicate'; readonly sequence: number }
  /** `error.ambiguous`: it may have been stored all the same. */
  | { readonly kind: 'failed'; readonly error: MeshError }

/** How events reach a stream: in atomic batches, or one message each. */
export type WriteMode = 'atomic' | 'single'

const BLOCK_START = 'NATS/1.0\r\n'

/** The header block of `request` with its message id, and `extra` lines (each ending in CRLF) in front. */
export function headerBlock(request: StoreRequest, extra = ''): string {
  const id = request.messageId === '' ? '' : `Nats-Msg-Id: ${request.messageId}\r\n`
  const rest = request.headers === '' ? '\r\n' : request.headers.slice(BLOCK_START.length)
  return `${BLOCK_START}${extra}${id}${rest}`
}

/** Room for the lines that a batch adds to a block, in bytes. */
const BATCH_LINES_BYTES = 160

/** An upper bound of what `request` takes inside the server's payload limit, in bytes. */
export function requestBytes(request: StoreRequest): number {
  return request.payload.length + request.headers.length + request.messageId.length + BATCH_LINES_BYTES
}

/** The result of a request that no server would take. */
export function refuseTooLarge(bytes: number, bytesMax: number): StoreResult {
  const message = `store an event: it takes up to ${bytes} bytes with its headers, NATS takes ${bytesMax}`
  return { kind: 'failed', error: new MeshError('invalid_argument', message) }
}
