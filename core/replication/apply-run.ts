import type { RetryMark } from '../event/retry-mark.ts'
import { type Checkpoint, type LocalPlace, resolvePosition, type StreamFacts } from './checkpoint.ts'
import { afterBatch } from './copy-check.ts'
import { continuesFrom, type LocalRecord, type Position, START, samePosition } from './position.ts'
import { type SessionIdentity, sameSession } from './session.ts'

/** What a run needs to know of a record that came over the wire; a driver's records may hold more. */
export type RunRecord = {
  readonly position: Position
  /** The origin's record before it. */
  readonly prev: Position
  readonly mark: RetryMark | undefined
  /** Size as it will be sent. */
  readonly byteLength: number
}

/** What a run begins with. Read the session first, then the others, all from the stream's leader. */
export type RunOpening = {
  readonly session: SessionIdentity
  /** The origin's last record in the local stream. */
  readonly last: LocalRecord | undefined
  readonly checkpoint: Checkpoint | undefined
  readonly facts: StreamFacts
  /** Most records in one batch; 1 to 1,000, default 1,000 (the server's limit). */
  readonly batchRecordsMax?: number
  /** Most bytes in one batch, unless a single record is larger; default 4 MiB. */
  readonly batchBytesMax?: number
}

/** What the driver is to do next; each is answered by one input. */
export type RunAction<R extends RunRecord> =
  /** Wait for records that follow `position`. Answer: "records". */
  | { readonly kind: 'receive' }
  /**
   * Find out which of these are in the stream already (`copyCheckOf`); all of them are marked or none is. The set of
   * marked ids must have seen local sequence `floor` (rule 5b). `thorough`: the server has just refused a batch of these
   * for a repeated id, so look for marked ones in the stream even where its memory would answer: that finds all repeats
   * at once. Answer: "checked".
   */
  | { readonly kind: 'check'; readonly records: readonly R[]; readonly floor: number; readonly thorough: boolean }
  /**
   * Store these as one batch, all or nothing, its first message fenced: the origin's last local sequence must be
   * `fence` (0: none). Send it at once, so that it is stored or dead within a batch life of the check, and only while
   * the session is still `session` (a session can end between this decision and the sending). Answer: "sent".
   */
  | {
      readonly kind: 'send'
      readonly records: readonly R[]
      readonly fence: number
      readonly session: SessionIdentity
    }
  /** Read the origin's last record from the leader. Answer: "last". */
  | { readonly kind: 'read-last' }
  /** Read the origin's last record and the stream's last record from the leader. Answer: "end". */
  | { readonly kind: 'read-end' }
  /** Store the checkpoint. Answer: "checkpointed". */
  | { readonly kind: 'write-checkpoint'; readonly checkpoint: Checkpoint }
  /** Nothing more: close the pull; open another run, from a position that is read again. */
  | { readonly kind: 'end'; readonly reason: RunEnd }

/** What the driver answers. */
export type RunInput<R extends RunRecord> =
  /** In the origin's order. None: nothing came for a while, so this is the time for a checkpoint, if there is something to say. */
  | { readonly kind: 'records'; readonly records: readonly R[] }
  /** For each record of the check, whether it is in the stream already. */
  | { readonly kind: 'checked'; readonly copies: readonly boolean[] }
  | { readonly kind: 'sent'; readonly result: SendResult }
  | { readonly kind: 'last'; readonly last: LocalRecord | undefined }
  /** `end` is { 0, 0n } for an empty stream. */
  | { readonly kind: 'end'; readonly last: LocalRecord | undefined; readonly end: LocalPlace }
  | { readonly kind: 'checkpointed' }
  /** The driver cannot answer, or wants no more; allowed at any time. */
  | { readonly kind: 'stop'; readonly reason: 'stopped' | 'failed' }

/** What became of a batch. */
export type SendResult =
  | { readonly kind: 'stored'; readonly lastSequence: number }
  /** The origin's last record was another one; nothing is stored. */
  | { readonly kind: 'fenced' }
  /** A message id was known; nothing is stored. */
  | { readonly kind: 'duplicate' }
  /** Nobody knows. */
  | { readonly kind: 'failed' }

/**
 * Why a run ended: the driver stopped it; something failed; a record did not follow the one before it (rule 2);
 * another applier stored first ("fenced", and "overtaken" when that showed after a batch, rule 3b); the session is
 * another one (rule 6).
 */
export type RunEnd = 'stopped' | 'failed' | 'hole' | 'fenced' | 'overtaken' | 'session-changed'

type State<R extends RunRecord> =
  | { readonly kind: 'receiving' }
  | { readonly kind: 'checking'; readonly segment: readonly R[] }
  | { readonly kind: 'sending'; readonly segment: readonly R[]; readonly batch: readonly R[] }
  | { readonly kind: 'verifying'; readonly segment: readonly R[]; readonly sent: R }
  | { readonly kind: 'reading-end' }
  | { readonly kind: 'checkpointing' }
  | { readonly kind: 'ended'; readonly reason: RunEnd }

const BATCH_RECORDS_MAX = 1000
const BATCH_BYTES_MAX = 4 * 1024 ** 2

/**
 * One pull's run: applies the records of one origin to the local stream, after
 * rules 2, 3, 5 and 6. It decides, the driver acts: `begin`, then one `next` an
 * action, until the action is "end".
 *
 * 1. A record is sent only behind the record it follows, checked and fenced.
 * 2. Runs of unmarked records go as one batch, runs of marked ones as another. A batch with a repeated id goes again in
 *    halves, each checked and fenced anew, until the record is alone: then it is a copy.
 * 3. `position` moves only over records that are in the stream, stored by this run or as a copy.
 * 4. A checkpoint is written when the newest record left nothing behind. Retention will take the newest record, too, so
 *    also behind the first records of a run, and when nothing came for a while. Only upon records that this run read
 *    first or stored.
 * 5. Nothing happens in another session than the one in which the run began.
 */
export class ApplyRun<R extends RunRecord> {
  readonly #session: SessionIdentity
  readonly #recordsLimit: number
  readonly #bytesMax: number
  #state: State<R> = { kind: 'receiving' }
  #rest: readonly R[] = []
  /** Most records in the next batch: halved by a repeated id, doubled by success. */
  #recordsMax: number
  #thorough = false
  #position: Position
  /** The origin's last record here, as this run read or stored it. */
  #fence: number
  #fenced: Position | undefined
  /** Ask for what follows the position from the oldest record that is kept (see `ResolvedPosition`). */
  readonly skipGap: boolean
  /** What the checkpoint says, `START` when there is none; undefined when it says something else than where this began. */
  #checkpointed: Position | undefined
  /** True while the position cannot be read from the stream: the newest record was a copy. */
  #tailSkipped = false

  /** Throws when the opening asks for a repair: that is a bug of the driver. */
  constructor(opening: RunOpening) {
    const { session, last, checkpoint, facts } = opening
    const { position, fence, next } = resolvePosition(last, checkpoint, facts)
    if (next === 'repair') throw new Error('apply run: the origin is in repair, nothing may be applied')
    this.skipGap = next === 'skip-gap'
    this.#session = session
    this.#recordsLimit = Math.max(1, Math.min(opening.batchRecordsMax ?? BATCH_RECORDS_MAX, BATCH_RECORDS_MAX))
    this.#recordsMax = this.#recordsLimit
    this.#bytesMax = opening.batchBytesMax ?? BATCH_BYTES_MAX
    this.#position = position
    const checkpointed = checkpoint?.position ?? START
    this.#checkpointed = checkpoint === undefined || samePosition(checkpointed, position) ? checkpointed : undefined
    this.#fence = fence
    this.#fenced = last?.position
  }

  /** Everything of the origin up to here is in the local stream. */
  get position(): Position {
    return this.#position
  }

  /** Why the run ended; undefined while it goes on. */
  get ended(): RunEnd | undefined {
    return this.#state.kind === 'ended' ? this.#state.reason : undefined
  }

  /** The first action. */
  begin(): RunAction<R> {
    return { kind: 'receive' }
  }

  /**
   * Takes the answer to the last action and the session in which it was found;
   * returns the next action. Throws when the answer belongs to another action or
   * has another length: that is a bug of the driver.
   */
  next(input: RunInput<R>, session: SessionIdentity): RunAction<R> {
    const state = this.#state
    if (state.kind === 'ended') return { kind: 'end', reason: state.reason }
    if (!sameSession(this.#session, session)) return this.#end('session-changed')
    if (input.kind === 'stop') return this.#end(input.reason)
    switch (state.kind) {
      case 'receiving':
        if (input.kind === 'records') return this.#received(input.records)
        break
      case 'checking':
        if (input.kind === 'checked') return this.#checked(state.segment, input.copies)
        break
      case 'sending':
        if (input.kind === 'sent') return this.#sent(state.segment, state.batch, input.result)
        break
      case 'verifying':
        if (input.kind === 'last') return this.#verified(state.segment, state.sent, input.last)
        break
      case 'reading-end':
        if (input.kind === 'end') return this.#endRead(input.last, input.end)
        break
      case 'checkpointing':
        if (input.kind === 'checkpointed') {
          this.#tailSkipped = false
          this.#checkpointed = this.#position
          return this.#goOn()
        }
    }
    throw new Error(`apply run: got "${input.kind}" while ${state.kind}`)
  }

  #received(records: readonly R[]): RunAction<R> {
    let { position } = this
    if (records.length === 0 && !this.#isCheckpointed) return this.#readEnd()
    for (const record of records) {
      if (!continuesFrom(position, record.prev) || record.position.sequence <= position.sequence)
        return this.#end('hole')
      position = record.position
    }
    this.#rest = records
    return this.#goOn()
  }

  /** The next segment of what was received; behind the last one a checkpoint, if needed. */
  #goOn(): RunAction<R> {
    const [first] = this.#rest
    if (first === undefined) {
      const isDue = this.#tailSkipped || this.#checkpointed === undefined || this.#checkpointed.sequence === 0
      if (isDue && !this.#isCheckpointed) return this.#readEnd()
      return this.#setState({ kind: 'receiving' }, { kind: 'receive' })
    }
    let bytes = 0
    let length = 0
    for (const record of this.#rest) {
      bytes += record.byteLength
      const fits = length === 0 || (length < this.#recordsMax && bytes <= this.#bytesMax)
      if (!fits || (record.mark === undefined) !== (first.mark === undefined)) break
      length++
    }
    const segment = this.#rest.slice(0, length)
    this.#rest = this.#rest.slice(length)
    const thorough = this.#thorough
    this.#thorough = false
    const check = { kind: 'check', records: segment, floor: this.#fence, thorough } as const
    return this.#setState({ kind: 'checking', segment }, check)
  }

  #checked(segment: readonly R[], copies: readonly boolean[]): RunAction<R> {
    if (copies.length !== segment.length) {
      throw new Error(`apply run: got ${copies.length} answers for ${segment.length} records`)
    }
    const batch = segment.filter((_, index) => !copies[index])
    if (batch.length === 0) return this.#segmentDone(segment)
    const send = { kind: 'send', records: batch, fence: this.#fence, session: this.#session } as const
    return this.#setState({ kind: 'sending', segment, batch }, send)
  }

  #sent(segment: readonly R[], batch: readonly R[], result: SendResult): RunAction<R> {
    if (result.kind === 'fenced' || result.kind === 'failed') return this.#end(result.kind)
    if (result.kind === 'duplicate') return this.#repeated(segment, batch)
    const sent = batch.at(-1)
    if (sent === undefined) return this.#segmentDone(segment)
    this.#recordsMax = Math.min(2 * this.#recordsMax, this.#recordsLimit)
    return this.#setState({ kind: 'verifying', segment, sent }, { kind: 'read-last' })
  }

  /**
   * Nothing of the batch is stored, and one of its ids is known, nobody says which. A batch of one answers for itself:
   * it is a copy. Of a larger one the first half goes next, after a check of its own: the old one may be older than a
   * batch life by now, and then neither it nor the server's memory would know of a copy (found by the model in the
   * tests: records sent again one by one upon the first check show twice when the applier stalls in between).
   */
  #repeated(segment: readonly R[], batch: readonly R[]): RunAction<R> {
    if (batch.length === 1) return this.#segmentDone(segment)
    this.#recordsMax = Math.ceil(batch.length / 2)
    this.#thorough = true
    this.#rest = [...segment, ...this.#rest]
    return this.#goOn()
  }

  #verified(segment: readonly R[], sent: R, last: LocalRecord | undefined): RunAction<R> {
    if (last === undefined || afterBatch(sent.position, last) === 'end-run') return this.#end('overtaken')
    this.#fence = last.localSequence
    this.#fenced = last.position
    return this.#segmentDone(segment)
  }

  #segmentDone(segment: readonly R[]): RunAction<R> {
    this.#position = segment.at(-1)?.position ?? this.#position
    this.#tailSkipped = this.#fenced === undefined || !samePosition(this.#fenced, this.#position)
    return this.#goOn()
  }

  get #isCheckpointed(): boolean {
    return this.#checkpointed !== undefined && samePosition(this.#checkpointed, this.#position)
  }

  #readEnd(): RunAction<R> {
    return this.#setState({ kind: 'reading-end' }, { kind: 'read-end' })
  }

  #endRead(last: LocalRecord | undefined, end: LocalPlace): RunAction<R> {
    // A checkpoint upon a record that this run neither read first nor stored would vouch for what it does not know.
    const mine =
      last === undefined
        ? this.#fence === 0
        : last.localSequence === this.#fence && this.#fenced !== undefined && samePosition(last.position, this.#fenced)
    if (!mine) return this.#end('overtaken')
    const lastOf = { sequence: this.#fence, stamp: last?.localStamp ?? 0n }
    const { streamCreated } = this.#session
    const checkpoint = { position: this.#position, lastOf, end, streamCreated }
    return this.#setState({ kind: 'checkpointing' }, { kind: 'write-checkpoint', checkpoint })
  }

  #end(reason: RunEnd): RunAction<R> {
    return this.#setState({ kind: 'ended', reason }, { kind: 'end', reason })
  }

  #setState(state: State<R>, action: RunAction<R>): RunAction<R> {
    this.#state = state
    return action
  }
}
