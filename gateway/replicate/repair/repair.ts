import {
  type LocalRecord,
  type MatchAnswer,
  MeshError,
  type Position,
  type RepairAction,
  type RepairEnd,
  type RepairInput,
  RepairRun,
  type SessionIdentity,
  sameSession,
} from '@landbridge/core'
import { pause } from '../pause.ts'
import type { BranchAges } from './branch-ages.ts'
import type { WriteResult } from './marker-log.ts'
import type { Pace } from './pace.ts'
import type { RepairStream } from './repair-stream.ts'

/** How often the incarnation and the leader of our stream are looked at. */
const LOOK_INTERVAL_MS = 1_000
/** While it waits it says so this often. */
const ACT_INTERVAL_MS = 1_000
/** Events of publishers wait behind one batch. */
const MARKERS_MAX = 250

/** The region's own stream as a repair needs to know it. */
export type RepairedStream = {
  readonly identity: SessionIdentity
  look(): Promise<void>
  last(): Promise<LocalRecord | undefined>
}

/** What a repair reports while it goes on. */
export type RepairEvents = {
  /** The branch is written: nothing of the origin is applied or served before it is repaired. */
  onBranch(common: Position): void
  /** So many events were given back. */
  onAdopted(count: number): void
  /** It did something. */
  onAct(): void
}

/** What a repair needs. */
export type RepairOptions = {
  readonly stream: string
  readonly origin: string
  readonly local: RepairedStream
  readonly repair: RepairStream
  readonly branches: BranchAges
  readonly pace: Pace
  readonly duplicateWindowMs: number
  /** Default `BATCH_LIFE_MS`. */
  readonly batchLifeMs?: number | undefined
  /** Which of these records does the origin have? @throws MeshError when it cannot be asked now */
  readonly match: (positions: readonly Position[]) => Promise<readonly MatchAnswer[]>
  readonly events: RepairEvents
  readonly signal: AbortSignal
}

/** How a repair ended. */
export type RepairOutcome = {
  readonly reason: RepairEnd
  readonly common: Position | undefined
  readonly adopted: number
  readonly error: MeshError | undefined
}

/**
 * Repairs an origin whose log differs from ours, as far as `RepairRun` in core decides. The stream must have been looked
 * at by `local.look()`. Never rejects.
 */
export async function repairOrigin(options: RepairOptions): Promise<RepairOutcome> {
  const driver = new Driver(options)
  try {
    return await driver.run()
  } catch (thrown) {
    return { reason: 'failed', common: undefined, adopted: 0, error: MeshError.from(thrown) }
  }
}

class Driver {
  readonly #options: RepairOptions
  #lookedAt = performance.now()
  #error: MeshError | undefined

  constructor(options: RepairOptions) {
    this.#options = options
  }

  async run(): Promise<RepairOutcome> {
    const { local, stream, origin, branches, duplicateWindowMs, batchLifeMs, events, signal } = this.#options
    const session = local.identity
    const last = await local.last()
    const branchAgeMs = branches.ageMs(stream, origin, last)
    const run = new RepairRun({
      ...{ session, origin, last, branchAgeMs, duplicateWindowMs, batchLifeMs },
      markersMax: MARKERS_MAX,
    })
    let action = run.begin()
    while (action.kind !== 'end') {
      const input: RepairInput = signal.aborted ? { kind: 'stop', reason: 'stopped' } : await this.#answer(action)
      action = run.next(input, local.identity)
      events.onAct()
    }
    return { reason: action.reason, common: run.common, adopted: run.adopted, error: this.#error }
  }

  async #answer(action: RepairAction): Promise<RepairInput> {
    try {
      await this.#look()
      return await this.#act(action)
    } catch (thrown) {
      if (this.#options.signal.aborted) return { kind: 'stop', reason: 'stopped' }
      this.#error = MeshError.from(thrown)
      return { kind: 'stop', reason: 'failed' }
    }
  }

  async #act(action: RepairAction): Promise<RepairInput> {
    const { local, repair, pace, events, signal } = this.#options
    switch (action.kind) {
      case 'probe':
        return { kind: 'probed', events: await repair.probe(action.sequences) }
      case 'match':
        return { kind: 'matched', answers: await this.#match(action.positions) }
      case 'write-control': {
        const result = await this.#write(action.session, () => repair.writeControl(action.record, action.fence))
        if (result.kind === 'stored' && action.record.kind === 'branch') {
          await this.#sawBranch()
          events.onBranch(action.record.common)
        }
        return { kind: 'written', result }
      }
      case 'wait':
        await this.#patiently(pause(action.ms, signal))
        return { kind: 'waited' }
      case 'read-last':
        return { kind: 'last', last: await local.last() }
      case 'next-unadopted':
        return { kind: 'unadopted', ...(await repair.unadopted(action)) }
      case 'write-markers': {
        await this.#patiently(pace.take(action.markers.length, signal))
        await this.#look()
        const result = await this.#write(action.session, () => repair.writeMarkers(action.markers, action.fence))
        if (result.kind === 'stored') {
          events.onAdopted(action.markers.length)
          await pace.followed(result.lastSequence, signal)
        }
        return { kind: 'written', result }
      }
      case 'end':
        return { kind: 'stop', reason: 'stopped' }
    }
  }

  /** A wait is an act, too, and not to be taken for a standstill. */
  async #patiently(wait: Promise<void>): Promise<void> {
    const timer = setInterval(() => this.#options.events.onAct(), ACT_INTERVAL_MS)
    try {
      await wait
    } finally {
      clearInterval(timer)
    }
  }

  async #match(positions: readonly Position[]): Promise<readonly MatchAnswer[] | undefined> {
    try {
      const answers = await this.#options.match(positions)
      return answers.length === positions.length ? answers : undefined
    } catch (thrown) {
      this.#error = MeshError.from(thrown)
      return undefined
    }
  }

  /** Between the decision and now the connection may have been lost and made again; the run then ends by itself. */
  async #write(session: SessionIdentity, write: () => Promise<WriteResult>): Promise<WriteResult> {
    const { local, signal } = this.#options
    if (signal.aborted || !sameSession(session, local.identity)) return { kind: 'failed' }
    const result = await write()
    if (result.error !== undefined) this.#error = result.error
    return result
  }

  /** So that another run of this gateway need not wait anew. */
  async #sawBranch(): Promise<void> {
    const { branches, stream, origin, local } = this.#options
    branches.ageMs(stream, origin, await local.last())
  }

  async #look(): Promise<void> {
    if (performance.now() - this.#lookedAt < LOOK_INTERVAL_MS) return
    await this.#options.local.look()
    this.#lookedAt = performance.now()
  }
}
