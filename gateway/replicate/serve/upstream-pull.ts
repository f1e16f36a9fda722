import { type Position, type RawRecord, type RelayInput, type RelayRefusal, recordByteLength } from '@landbridge/core'
import { type PullHead, type PullRefused, RefusalReason } from '@landbridge/proto'
import type { LinkStream, PullHandle } from '../link/link-stream.ts'
import type { OpenRequest } from '../link/requests.ts'
import { positionOf } from './responses.ts'

/** An upstream that has said nothing at all for this long will not. */
const FIRST_WORD_MS = 10_000
/** The window grows up to this while its records are wanted. */
const WINDOW_BYTES_MAX = 1024 * 1024
/** One record of the largest size may come beyond the credit. */
const OVERSHOOT_BYTES = 10 * 1024 * 1024

/** What a pull that is handed on needs. */
export type UpstreamPullOptions = {
  readonly link: LinkStream
  readonly request: OpenRequest
  /** There is something to take, or the head is another one. */
  onChange(): void
}

type Input = Extract<RelayInput<RawRecord>, { readonly kind: 'records' | 'skipped' | 'refused' }>

const REFUSALS: Partial<Record<RefusalReason, RelayRefusal>> = {
  [RefusalReason.DIVERGED]: 'diverged',
  [RefusalReason.RETENTION_GAP]: 'retention-gap',
}

/**
 * One pull at our own upstream on behalf of another region (rules 2 and 2b). What comes waits here until it is taken, at
 * most as much as was granted: who takes it grants as much again once it was sent on.
 */
export class UpstreamPull {
  readonly #onChange: () => void
  readonly #handle: PullHandle
  #window: number
  readonly #timer: NodeJS.Timeout
  #inputs: Input[] = []
  #bytes = 0
  #over = false
  /** What the upstream said last of the origin's end. */
  head: PullHead | undefined
  /** Why it refused, for people. */
  why = ''

  constructor({ link, request, onChange }: UpstreamPullOptions) {
    this.#onChange = onChange
    this.#window = request.creditBytes
    this.#timer = setTimeout(() => this.#refuse('cannot-tell', 'the upstream says nothing'), FIRST_WORD_MS)
    this.#handle = link.open(request, {
      onRecords: (records) => this.#records(records),
      onHead: (head) => {
        clearTimeout(this.#timer)
        this.head = head
        onChange()
      },
      onSkipped: (skipped) => {
        const position = positionOf(skipped.position)
        if (position !== undefined) this.#push({ kind: 'skipped', position })
      },
      onRefused: (refusal) => this.#refused(refusal),
      onDown: (reason) => this.#refuse('cannot-tell', reason),
    })
  }

  /** True when nothing more will come; what came before may still be taken. */
  get over(): boolean {
    return this.#over
  }

  /** Records that wait. */
  get waiting(): number {
    return this.#inputs.reduce((sum, input) => sum + (input.kind === 'records' ? input.events.length : 0), 0)
  }

  /** The oldest thing that came and was not taken yet. */
  take(): Input | undefined {
    return this.#inputs.shift()
  }

  /** Some of what was taken has been sent on. */
  sent(bytes: number): void {
    const more = Math.min(bytes, Math.max(0, WINDOW_BYTES_MAX - this.#window))
    this.#bytes -= bytes
    this.#window += more
    this.#handle.grant(bytes + more)
  }

  applied(position: Position): void {
    this.#handle.applied(position)
  }

  /** Idempotent. */
  close(): void {
    this.#over = true
    clearTimeout(this.#timer)
    this.#inputs = []
    this.#handle.close()
  }

  #records(records: readonly RawRecord[]): void {
    for (const record of records) this.#bytes += recordByteLength(record)
    if (this.#bytes > this.#window + OVERSHOOT_BYTES)
      this.#refuse('cannot-tell', 'the upstream sent more than its credit')
    else this.#push({ kind: 'records', events: records })
  }

  #refused(refusal: PullRefused): void {
    const { reason, message, first } = refusal
    this.#refuse(REFUSALS[reason] ?? 'cannot-tell', message, positionOf(first))
  }

  #refuse(reason: RelayRefusal, why: string, first?: Position): void {
    if (this.#over) return
    this.why = why
    this.#push({ kind: 'refused', reason, first })
    this.#over = true
    this.#handle.close()
  }

  #push(input: Input): void {
    if (this.#over) return
    clearTimeout(this.#timer)
    // Of skips in a row the newest says it all.
    if (input.kind === 'skipped' && this.#inputs.at(-1)?.kind === 'skipped') this.#inputs.pop()
    this.#inputs.push(input)
    this.#onChange()
  }
}
