import type { RetryMark } from '../event/retry-mark.ts'
import type { SendResult } from './apply-run.ts'
import { type Common, CommonSearch, type HeldEvent, type MatchAnswer, type SearchStep } from './common-search.ts'
import type { CommonRecord, ControlRecord } from './control.ts'
import { BATCH_LIFE_MS, CLOCK_SKEW_MS } from './mark.ts'
import type { LocalRecord, Position } from './position.ts'
import { type SessionIdentity, sameSession } from './session.ts'

/** What a repair begins with. Read the session first, then the others, all from the stream's leader. */
export type RepairOpening = {
  readonly session: SessionIdentity
  /** The region whose log differs. */
  readonly origin: string
  /** The origin's last record in the local stream. A branch: the repair goes on from there. */
  readonly last: LocalRecord | undefined
  /** For how long that branch has certainly been there, by a clock that is never set back; default 0. Milliseconds. */
  readonly branchAgeMs?: number | undefined
  /** The topic's duplicate window, milliseconds. */
  readonly duplicateWindowMs: number
  /** Default `BATCH_LIFE_MS`. */
  readonly batchLifeMs?: number | undefined
  /** Default `CLOCK_SKEW_MS`. */
  readonly skewMs?: number
  /** Most markers in one batch; 1 to 1,000, default 1,000 (the server's limit). */
  readonly markersMax?: number
}

/** An event behind the last common record that has no marker yet. */
export type UnadoptedEvent = {
  /** `Nats-Msg-Id`. */
  readonly messageId: string
  readonly localSequence: number
  /** When the origin recorded it, or stored it, milliseconds since 1970. */
  readonly recordedMs: number
  readonly mark: RetryMark | undefined
}

/** What the driver is to do next; each is answered by one input. */
export type RepairAction =
  /**
   * For each local sequence, in order, find the first event of the origin (no control record) there or behind it, by
   * the stream's leader. Answer: "probed".
   */
  | { readonly kind: 'probe'; readonly sequences: readonly number[] }
  /** Ask the origin which of these 1 to 64 records it has. Answer: "matched". */
  | { readonly kind: 'match'; readonly positions: readonly Position[] }
  /**
   * Store this under the origin's control subject if the origin's last local sequence is `fence` (0: none), and only
   * while the session is still `session`. Answer: "written".
   */
  | {
      readonly kind: 'write-control'
      readonly record: CommonRecord<'branch'> | CommonRecord<'open'>
      readonly fence: number
      readonly session: SessionIdentity
    }
  /** Wait that long by a clock that is never set back. Answer: "waited". */
  | { readonly kind: 'wait'; readonly ms: number }
  /** Read the origin's last record from the leader. Answer: "last". */
  | { readonly kind: 'read-last' }
  /**
   * Find the oldest events of the origin, at most `limit`, whose local sequence is greater than `after` and smaller than
   * `before`, and to which no marker of this region points (`localSequence`). None: there are no more. Read the last
   * sequence of this region's marker subject *before* looking which markers there are. Answer: "unadopted".
   */
  | { readonly kind: 'next-unadopted'; readonly after: number; readonly before: number; readonly limit: number }
  /**
   * Store these under this region's own marker subject as one batch, if the last sequence of that subject is `fence`
   * (0: none), and only while the session is still `session`. May be delayed. Answer: "written".
   */
  | {
      readonly kind: 'write-markers'
      readonly markers: readonly (ControlRecord & { readonly kind: 'marker' })[]
      readonly fence: number
      readonly session: SessionIdentity
    }
  /** Nothing more. Read the origin's last record again, and do what it says. */
  | { readonly kind: 'end'; readonly reason: RepairEnd }

/** What the driver answers. */
export type RepairInput =
  | { readonly kind: 'probed'; readonly events: readonly (HeldEvent | undefined)[] }
  /** For each position, in order; undefined when the origin cannot be asked now. */
  | { readonly kind: 'matched'; readonly answers: readonly MatchAnswer[] | undefined }
  | { readonly kind: 'written'; readonly result: SendResult }
  | { readonly kind: 'waited' }
  | { readonly kind: 'last'; readonly last: LocalRecord | undefined }
  /** In local order. `fence`: the last sequence of the marker subject as read before. */
  | { readonly kind: 'unadopted'; readonly events: readonly UnadoptedEvent[]; readonly fence: number }
  /** The driver cannot answer, or wants no more; allowed at any time. */
  | { readonly kind: 'stop'; readonly reason: 'stopped' | 'failed' }

/**
 * Why a repair ended: done; the origin cannot be asked now; another applier is at work; the driver stopped it; something
 * failed; the session is another one (rule 6).
 */
export type RepairEnd = 'repaired' | 'unavailable' | 'overtaken' | 'stopped' | 'failed' | 'session-changed'

/** What is known once the branch is written: where it is, and what it says. */
type Branch = { readonly localSequence: number; readonly common: Position; readonly behind: number }

type State =
  | { readonly kind: 'searching'; readonly search: CommonSearch }
  | { readonly kind: 'branching'; readonly common: Common }
  | { readonly kind: 'waiting'; readonly branch: Branch }
  | { readonly kind: 'verifying'; readonly branch: Branch }
  | { readonly kind: 'looking'; readonly branch: Branch; readonly after: number }
  | {
      readonly kind: 'marking'
      readonly branch: Branch
      readonly after: number
      readonly upTo: number
      readonly count: number
    }
  | { readonly kind: 'opening'; readonly branch: Branch }
  | { readonly kind: 'ended'; readonly reason: RepairEnd }

const MARKERS_MAX = 1_000
/** Another adopter may write markers between our look and our batch; one who does it this often does our work. */
const FENCED_MAX = 100

/**
 * Repairs a diverged origin (rules 7 and 8): finds the last common record, writes a branch, waits until nothing that was
 * sent before it can be stored any more, gives back what the origin lost, and writes an open record, behind which
 * `ApplyRun` goes on. It decides, the driver acts: `begin`, then one `next` an action, until the action is "end".
 *
 * 1. Everything it knows lies in the stream: after a crash at any step the next run goes on from there.
 * 2. Of several runs at a time one writes the branch and one the open record, and no event gets two markers.
 * 3. The open record is written only when every event between the common record and the branch has a marker.
 * 4. Nothing happens in another session than the one in which the run began.
 */
export class RepairRun {
  readonly #opening: RepairOpening
  readonly #batchLifeMs: number
  readonly #markersMax: number
  #state: State
  #common: Position | undefined
  #adopted = 0
  #fencedTimes = 0

  constructor(opening: RepairOpening) {
    this.#opening = opening
    this.#batchLifeMs = opening.batchLifeMs ?? BATCH_LIFE_MS
    this.#markersMax = Math.max(1, Math.min(opening.markersMax ?? MARKERS_MAX, MARKERS_MAX))
    const { last } = opening
    if (last?.control === 'branch') this.#common = last.position
    this.#state =
      last?.control === 'branch'
        ? { kind: 'waiting', branch: branchOf(last) }
        : { kind: 'searching', search: new CommonSearch(last?.localSequence ?? 0) }
  }

  /** Events that this run gave back. */
  get adopted(): number {
    return this.#adopted
  }

  /** Where the logs part, once that is known. */
  get common(): Position | undefined {
    return this.#common
  }

  /** The first action. */
  begin(): RepairAction {
    const state = this.#state
    if (state.kind === 'searching') return this.#search(state.search.begin())
    if (state.kind === 'waiting') return { kind: 'wait', ms: this.#waitMs(this.#opening.branchAgeMs ?? 0) }
    throw new Error(`repair run: begun while ${state.kind}`)
  }

  /**
   * Takes the answer to the last action and the session in which it was found; returns the next action. Throws when the
   * answer belongs to another action or cannot be one: that is a bug of the driver.
   */
  next(input: RepairInput, session: SessionIdentity): RepairAction {
    const state = this.#state
    if (state.kind === 'ended') return { kind: 'end', reason: state.reason }
    if (!sameSession(this.#opening.session, session)) return this.#end('session-changed')
    if (input.kind === 'stop') return this.#end(input.reason)
    switch (state.kind) {
      case 'searching':
        if (input.kind === 'probed') return this.#search(state.search.probed(input.events))
        if (input.kind !== 'matched') break
        return input.answers === undefined
          ? this.#end('unavailable')
          : this.#search(state.search.matched(input.answers))
      case 'branching':
        if (input.kind === 'written') return this.#branched(state.common, input.result)
        break
      case 'waiting':
        if (input.kind === 'waited') {
          return this.#setState({ kind: 'verifying', branch: state.branch }, { kind: 'read-last' })
        }
        break
      case 'verifying':
        if (input.kind === 'last') return this.#verified(state.branch, input.last)
        break
      case 'looking':
        if (input.kind === 'unadopted') return this.#adopt(state.branch, state.after, input.events, input.fence)
        break
      case 'marking':
        if (input.kind === 'written') return this.#marked(state, input.result)
        break
      case 'opening':
        if (input.kind === 'written') return this.#end(endOf(input.result))
    }
    throw new Error(`repair run: got "${input.kind}" while ${state.kind}`)
  }

  #search(step: SearchStep): RepairAction {
    if (step.kind !== 'found') return step
    const { common } = step
    this.#common = common.position
    const record = { kind: 'branch', common: common.position, behind: common.localSequence } as const
    const fence = this.#opening.last?.localSequence ?? 0
    return this.#setState({ kind: 'branching', common }, this.#writeControl(record, fence))
  }

  #branched(common: Common, result: SendResult): RepairAction {
    if (result.kind !== 'stored') return this.#end(endOf(result))
    const branch = { localSequence: result.lastSequence, common: common.position, behind: common.localSequence }
    return this.#setState({ kind: 'waiting', branch }, { kind: 'wait', ms: this.#waitMs(0) })
  }

  /** More than one batch life: what was sent before the branch is stored or dead by then. */
  #waitMs(ageMs: number): number {
    return Math.max(0, this.#batchLifeMs + 1 - ageMs)
  }

  #verified(branch: Branch, last: LocalRecord | undefined): RepairAction {
    if (last?.control !== 'branch' || last.localSequence !== branch.localSequence) return this.#end('overtaken')
    return this.#look(branch, branch.behind)
  }

  #look(branch: Branch, after: number): RepairAction {
    const look = { kind: 'next-unadopted', after, before: branch.localSequence, limit: this.#markersMax } as const
    return this.#setState({ kind: 'looking', branch, after }, look)
  }

  #adopt(branch: Branch, after: number, events: readonly UnadoptedEvent[], fence: number): RepairAction {
    const { session } = this.#opening
    const upTo = events.at(-1)?.localSequence
    if (upTo === undefined) {
      const record = { kind: 'open', common: branch.common, behind: branch.behind } as const
      return this.#setState({ kind: 'opening', branch }, this.#writeControl(record, branch.localSequence))
    }
    if (events.some(({ localSequence }) => localSequence <= after || localSequence >= branch.localSequence)) {
      throw new Error(`repair run: got an event outside of ${after} to ${branch.localSequence}`)
    }
    const markers = events.map((event) => markerOf(event, this.#opening))
    const write = { kind: 'write-markers', markers, fence, session } as const
    return this.#setState({ kind: 'marking', branch, after, upTo, count: markers.length }, write)
  }

  #marked({ branch, after, upTo, count }: State & { readonly kind: 'marking' }, result: SendResult): RepairAction {
    if (result.kind === 'stored') {
      this.#adopted += count
      this.#fencedTimes = 0
      return this.#look(branch, upTo)
    }
    this.#fencedTimes++
    if (result.kind !== 'fenced' || this.#fencedTimes > FENCED_MAX) return this.#end(endOf(result))
    return this.#look(branch, after)
  }

  #writeControl(record: CommonRecord<'branch'> | CommonRecord<'open'>, fence: number): RepairAction {
    return { kind: 'write-control', record, fence, session: this.#opening.session }
  }

  #end(reason: RepairEnd): RepairAction {
    return this.#setState({ kind: 'ended', reason }, { kind: 'end', reason })
  }

  #setState(state: State, action: RepairAction): RepairAction {
    this.#state = state
    return action
  }
}

/**
 * The marker of an event that its origin lost (rule 8). The span is widened by a window on each side: the origin may
 * have stored unmarked copies of it before or after the one that is here. When it was recorded is known by the origin's
 * clock, and up to a batch life before it was stored.
 */
export function markerOf(
  event: UnadoptedEvent,
  here: Pick<RepairOpening, 'origin' | 'duplicateWindowMs' | 'batchLifeMs' | 'skewMs'>,
): ControlRecord & { readonly kind: 'marker' } {
  const { messageId, localSequence, recordedMs, mark } = event
  const { origin, duplicateWindowMs, batchLifeMs = BATCH_LIFE_MS, skewMs = CLOCK_SKEW_MS } = here
  const sinceMs = Math.floor(recordedMs - duplicateWindowMs - batchLifeMs - skewMs)
  const untilMs = Math.ceil(recordedMs + duplicateWindowMs + batchLifeMs + skewMs)
  return {
    kind: 'marker',
    messageId,
    localSequence,
    mark: {
      region: mark?.region ?? origin,
      sinceMs: Math.max(0, Math.min(sinceMs, mark?.sinceMs ?? sinceMs)),
      untilMs: Math.max(0, untilMs, mark?.untilMs ?? untilMs),
    },
  }
}

function branchOf({ localSequence, position, behind = 0 }: LocalRecord): Branch {
  return { localSequence, common: position, behind }
}

function endOf(result: SendResult): RepairEnd {
  if (result.kind === 'stored') return 'repaired'
  return result.kind === 'fenced' ? 'overtaken' : 'failed'
}
