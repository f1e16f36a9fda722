import type { LiveSegment, LocalEntry, RelayPlace } from './live-log.ts'
import { continuesFrom, type Position, START, samePosition } from './position.ts'

/** What a relay must know of an event; a driver's events may hold more. */
export type RelayEvent = {
  readonly position: Position
  /** The origin's record before it, of those that passed to whoever holds it. */
  readonly prev: Position
}

/** What a relayed pull begins with; all of it read in one session with the local stream's leader. */
export type RelayOpening<E> = {
  /** See `liveSegments`; undefined while the origin is in repair here. */
  readonly segments: readonly LiveSegment[] | undefined
  /** Where the receiver's position, or what it scanned, lies here (`placeInLog`); undefined: it cannot be placed. */
  readonly place: RelayPlace | undefined
  /** The last record that passed to the receiver. */
  readonly position: Position
  /** The last record that was looked at for the receiver, when that is another one. */
  readonly scanned?: Position | undefined
  /** The receiver knows of a gap right behind its position. */
  readonly skipGap?: boolean | undefined
  /** Whether an event of this region's stream may go to the receiver. What comes from upstream was asked already. */
  passes(event: E): boolean
}

/** What the driver is to do next; each is answered by one input. */
export type RelayAction<E> =
  /**
   * Read the origin's entries behind the local sequence `after`, and wait for more. Whatever was open upstream is over:
   * close it. Answer: "local"; when nothing is left for now and this region's pull has applied more than the stream
   * shows, "end".
   */
  | { readonly kind: 'read'; readonly after: number }
  /**
   * Send these to the receiver: the first follows `prev`, each other one the event before it. Then, when set, say that
   * everything up to `skipped` was looked at. Answer: "emitted".
   */
  | {
      readonly kind: 'emit'
      readonly events: readonly E[]
      readonly prev: Position
      readonly skipped: Position | undefined
    }
  /**
   * Ask our own upstream for what follows, for the same receiver, our name added to the path. `until`: a hole that is
   * likely to end with that record; undefined when nobody knows how much is wanted. Answer: "records", "skipped",
   * "refused".
   */
  | {
      readonly kind: 'hand-on'
      readonly position: Position
      readonly scanned: Position | undefined
      readonly skipGap: boolean
      readonly until: Position | undefined
    }
  /**
   * Wait for more from upstream. Answer as to "hand-on". When `relocate` is set, look now and then whether the local
   * stream has that position by now, and answer "placed" if it has.
   */
  | { readonly kind: 'receive'; readonly relocate: Position | undefined }
  /** Close everything, and refuse. */
  | { readonly kind: 'refuse'; readonly reason: RelayRefusal; readonly first: Position | undefined }

/** What the driver answers. */
export type RelayInput<E> =
  | { readonly kind: 'local'; readonly entries: readonly RelayEntry<E>[] }
  /** Nothing more is in the local stream, and this region's own pull has applied the origin up to here. */
  | { readonly kind: 'end'; readonly applied: Position }
  | { readonly kind: 'emitted' }
  /** From upstream, in order. */
  | { readonly kind: 'records'; readonly events: readonly E[] }
  /** From upstream: looked at, up to here, and not for the receiver. */
  | { readonly kind: 'skipped'; readonly position: Position }
  /** Upstream refused, or none can be reached ("cannot-tell"). */
  | { readonly kind: 'refused'; readonly reason: RelayRefusal; readonly first?: Position | undefined }
  /** The position that was to be relocated, and the live segments as they are by now. */
  | {
      readonly kind: 'placed'
      readonly position: Position
      readonly place: RelayPlace
      readonly segments: readonly LiveSegment[]
    }

/** An entry of the local stream; `event` is undefined for a control record. */
export type RelayEntry<E> = LocalEntry & { readonly event: E | undefined }

/**
 * Why a relayed pull is over. "diverged" and "retention-gap" are the origin's words and only handed on; "repairing" and
 * "cannot-tell" are our own.
 */
export type RelayRefusal = 'diverged' | 'retention-gap' | 'repairing' | 'cannot-tell'

type State<E> =
  | { readonly kind: 'reading' }
  | { readonly kind: 'emitting'; readonly then: () => RelayAction<E> }
  | { readonly kind: 'upstream'; readonly until: HoleEnd | undefined }
  | { readonly kind: 'ended'; readonly action: RelayAction<E> }

/** The record with which a hole ends, and behind which local sequence to go on then. */
type HoleEnd = {
  readonly position: Position
  readonly after: number
  /** What that record follows; undefined when it is not in the local stream. */
  readonly prev?: Position | undefined
}

/**
 * Serves a foreign origin from the local stream (rules 2 and 2b). It decides, the driver acts: `begin`, then one `next`
 * an action, until the action is "refuse".
 *
 * 1. What is emitted follows the receiver's position without a hole: each record of the local stream is taken only when
 *    it names the one before it here. Over a hole, a gap, and a position that is not here, the upstream is asked, in the
 *    end the origin; when the record that ends the hole has come from there, the local stream goes on.
 * 2. Only live records are served, and none while the origin is in repair here: then whoever asks is handed on.
 * 3. Whether logs differ and what is no longer kept, only the origin says.
 * 4. The chain a receiver sees is of the records that passed to it; the chain that is checked here is this region's own.
 */
export class RelayRun<E extends RelayEvent> {
  readonly #opening: RelayOpening<E>
  #segments: readonly LiveSegment[]
  #state: State<E> = { kind: 'reading' }
  /** The last record that passed to the receiver, and the last that was looked at for it. */
  #passed: Position
  #scanned: Position
  /** The record of this region that the next local one must follow. */
  #held: Position
  /** Local entries up to here are done. */
  #cursor: number
  /** The receiver may be taken over a gap right behind where it began. */
  #skipGap: boolean
  /** A gap record was read, so what follows it is behind a hole whatever it names. */
  #gapAhead = false
  /** Local entries in hand that were not taken yet. */
  #rest: readonly RelayEntry<E>[] = []
  /** What had been looked at when a hole was handed on: placed here again, it would only lead back to the hole. */
  #begun: Position | undefined
  /** The hole is behind the last record of the local stream: without an upstream there is just nothing more to serve. */
  #atTail = false

  constructor(opening: RelayOpening<E>) {
    const { segments, place, position, scanned, skipGap } = opening
    this.#opening = opening
    this.#segments = segments ?? []
    this.#passed = position
    this.#scanned = scanned ?? position
    this.#held = place?.held ?? START
    this.#cursor = place?.after ?? 0
    this.#skipGap = skipGap === true
  }

  /** The last record that passed to the receiver. */
  get passed(): Position {
    return this.#passed
  }

  /** The last record that was looked at for the receiver. */
  get scanned(): Position {
    return this.#scanned
  }

  /** The first action. */
  begin(): RelayAction<E> {
    return this.#opening.place === undefined ? this.#handOn(undefined) : this.#read()
  }

  /**
   * Takes the answer to the last action; returns the next one. Throws when the answer belongs to another action: that is
   * a bug of the driver.
   */
  next(input: RelayInput<E>): RelayAction<E> {
    const state = this.#state
    switch (state.kind) {
      case 'ended':
        return state.action
      case 'emitting':
        if (input.kind === 'emitted') return state.then()
        break
      case 'reading':
        if (input.kind === 'local') return this.#local(input.entries)
        if (input.kind === 'end') return this.#localEnd(input.applied)
        break
      case 'upstream':
        if (input.kind === 'records') return this.#fromUpstream(input.events, state.until)
        if (input.kind === 'skipped') return this.#skippedUpstream(input.position, state.until)
        if (input.kind === 'refused') return this.#refused(input.reason, input.first, state.until)
        if (input.kind === 'placed') return this.#placed(input, state.until)
    }
    throw new Error(`relay run: got "${input.kind}" while ${state.kind}`)
  }

  #local(entries: readonly RelayEntry<E>[]): RelayAction<E> {
    this.#rest = entries
    return this.#goOn()
  }

  /** Takes local entries as far as the chain holds. */
  #goOn(): RelayAction<E> {
    const prev = this.#passed
    const before = this.#scanned
    const events: E[] = []
    let stop: (() => RelayAction<E>) | undefined
    let taken = 0
    for (const entry of this.#rest) {
      stop = this.#obstacle(entry)
      if (stop !== undefined) break
      taken++
      this.#take(entry, events)
    }
    this.#rest = this.#rest.slice(taken)
    const skipped =
      samePosition(this.#scanned, this.#passed) || samePosition(this.#scanned, before) ? undefined : this.#scanned
    const then = stop ?? (() => this.#read())
    if (events.length === 0 && skipped === undefined) return then()
    return this.#setState({ kind: 'emitting', then }, { kind: 'emit', events, prev, skipped })
  }

  /** What must be done instead of taking this entry; undefined: nothing. */
  #obstacle(entry: RelayEntry<E>): (() => RelayAction<E>) | undefined {
    const { localSequence, position, prev, control } = entry
    if (localSequence <= this.#cursor || !this.#isLive(localSequence)) return undefined
    if (control === 'branch') return () => this.#refuse('repairing')
    // The log was bent after we began: the receiver asks again.
    if (control === 'open') return () => this.#refuse('cannot-tell')
    if (control === 'gap') return undefined
    const follows = prev !== undefined && continuesFrom(this.#held, prev) && !this.#gapAhead
    return follows ? undefined : () => this.#handOn({ position, after: localSequence, prev })
  }

  #take({ localSequence, position, control, event }: RelayEntry<E>, events: E[]): void {
    if (localSequence <= this.#cursor) return
    this.#cursor = localSequence
    if (!this.#isLive(localSequence)) return
    if (control === 'gap') {
      // Whoever wrote down that very gap is taken over it.
      this.#gapAhead = !(this.#skipGap && samePosition(this.#held, position))
      return
    }
    if (event === undefined) return
    this.#held = position
    this.#scanned = position
    if (!this.#opening.passes(event)) return
    this.#passed = position
    this.#skipGap = false
    events.push(event)
  }

  /** The newest records of the origin were copies here, so nothing in the local stream names them. */
  #localEnd(applied: Position): RelayAction<E> {
    if (applied.sequence <= this.#held.sequence) return this.#read()
    this.#atTail = true
    return this.#handOn({ position: applied, after: this.#cursor })
  }

  #refused(reason: RelayRefusal, first: Position | undefined, until: HoleEnd | undefined): RelayAction<E> {
    const came = this.#begun === undefined || !samePosition(this.#begun, this.#scanned)
    if (reason !== 'cannot-tell') return this.#refuse(reason, first)
    if (this.#opening.segments === undefined) return this.#refuse('repairing')
    if (!this.#atTail || came || until === undefined) return this.#refuse(reason)
    return this.#resume({ after: until.after, held: this.#held })
  }

  #fromUpstream(events: readonly E[], until: HoleEnd | undefined): RelayAction<E> {
    const [first] = events
    if (first !== undefined && this.#isBetterHere(first.position, until)) {
      return this.#resume({ after: this.#cursor, held: until?.prev ?? this.#held })
    }
    let passed = this.#passed
    let length = 0
    let isEnd = false
    for (const { position, prev } of events) {
      if (!continuesFrom(passed, prev) || position.sequence <= passed.sequence) return this.#refuse('cannot-tell')
      passed = position
      length++
      isEnd = until !== undefined && samePosition(position, until.position)
      if (isEnd) break
    }
    if (length === 0) return this.#receive(until)
    const prev = this.#passed
    this.#passed = passed
    this.#scanned = passed
    this.#skipGap = false
    const then = () => this.#behind(until, passed)
    return this.#setState(
      { kind: 'emitting', then },
      { kind: 'emit', events: length === events.length ? events : events.slice(0, length), prev, skipped: undefined },
    )
  }

  /**
   * The receiver may jump to the oldest record that is kept: it has none, or has written the gap down. Upstream begins
   * only behind a record that the local stream still has.
   */
  #isBetterHere({ sequence }: Position, until: HoleEnd | undefined): boolean {
    const mayJump = this.#skipGap || (this.#passed.sequence === 0 && this.#scanned.sequence === 0)
    return mayJump && until?.prev !== undefined && sequence > until.position.sequence
  }

  #skippedUpstream(position: Position, until: HoleEnd | undefined): RelayAction<E> {
    if (position.sequence <= this.#scanned.sequence) return this.#receive(until)
    this.#scanned = position
    const then = () => this.#behind(until, position)
    return this.#setState(
      { kind: 'emitting', then },
      { kind: 'emit', events: [], prev: this.#passed, skipped: position },
    )
  }

  /** Upstream has come to `reached`: does the local stream go on from here? */
  #behind(until: HoleEnd | undefined, reached: Position): RelayAction<E> {
    if (until === undefined || reached.sequence < until.position.sequence) return this.#receive(until)
    if (samePosition(reached, until.position)) {
      return this.#resume({ after: until.after, held: until.position })
    }
    // Upstream does not have, or passed over, the record that ended our hole: look again from where we are by now.
    return this.#receive(undefined)
  }

  #placed(
    { position, place, segments }: Extract<RelayInput<E>, { readonly kind: 'placed' }>,
    until: HoleEnd | undefined,
  ): RelayAction<E> {
    // More may have come from upstream since the driver began to look.
    if (!samePosition(position, this.#scanned)) return this.#receive(until)
    this.#segments = segments
    this.#rest = []
    return this.#resume(place)
  }

  /** The local stream goes on behind `after`; entries in hand that lie there are still good. */
  #resume({ after, held }: RelayPlace): RelayAction<E> {
    if (after < this.#cursor) this.#rest = []
    this.#held = held
    this.#cursor = after
    this.#gapAhead = false
    this.#atTail = false
    return this.#goOn()
  }

  #read(): RelayAction<E> {
    return this.#setState({ kind: 'reading' }, { kind: 'read', after: this.#cursor })
  }

  #handOn(until: HoleEnd | undefined): RelayAction<E> {
    const scanned = samePosition(this.#scanned, this.#passed) ? undefined : this.#scanned
    this.#begun = until === undefined ? undefined : this.#scanned
    return this.#setState(
      { kind: 'upstream', until },
      { kind: 'hand-on', position: this.#passed, scanned, skipGap: this.#skipGap, until: until?.position },
    )
  }

  #receive(until: HoleEnd | undefined): RelayAction<E> {
    const isNew = this.#begun === undefined || !samePosition(this.#begun, this.#scanned)
    const relocate = until === undefined && isNew ? this.#scanned : undefined
    return this.#setState({ kind: 'upstream', until }, { kind: 'receive', relocate })
  }

  #refuse(reason: RelayRefusal, first?: Position): RelayAction<E> {
    const action = { kind: 'refuse', reason, first } as const
    return this.#setState({ kind: 'ended', action }, action)
  }

  #isLive(localSequence: number): boolean {
    return this.#segments.some(({ after, upTo }) => localSequence > after && localSequence <= upTo)
  }

  #setState(state: State<E>, action: RelayAction<E>): RelayAction<E> {
    this.#state = state
    return action
  }
}
