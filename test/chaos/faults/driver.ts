import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '@landbridge/lab'
import { isWhole } from '../check/whole.ts'
import { type Wipe, wipesTooClose } from '../check/wipe.ts'
import type { History } from '../history/history.ts'
import { readLogs } from '../history/read-log.ts'
import type { JsonLines } from '../history/spill.ts'
import { claimsOf, describeFault, type Ground, type PlannedFault, varietyOf, WIPE_CLAIM } from '../plan/fault.ts'
import { WIPE_RECOVERY_MS } from '../plan/plan.ts'
import { type FaultContext, inject } from './actions.ts'
import { Claims } from './mutex.ts'

export type DriverOptions = {
  readonly lab: Lab
  readonly history: History
  /** The run's topics and policies. */
  readonly documents: string
  readonly ground: Ground
  /** Milliseconds since the run began. */
  readonly now: () => number
  /** Hears of every step, for people. */
  readonly report: (line: string) => void
  readonly spill: JsonLines
}

/** How often it is looked at whether what a region forgot is back. */
const LOOK_AGAIN_MS = 3_000

/** A fault that was carried out. */
export type FaultRecord = {
  readonly id: number
  readonly kind: string
  /** Which of its kind's ways it took, where there are several. */
  readonly variety: string | undefined
  readonly text: string
  readonly injectedMs: number
  readonly healedMs: number
}

/** Carries out a plan. */
export class FaultDriver {
  readonly done: FaultRecord[] = []
  /** What regions were made to forget. */
  readonly wipes: Wipe[] = []
  /** Faults that could not be brought about or undone: a fault of the lab, not of the mesh. */
  readonly problems: string[] = []
  readonly #options: DriverOptions
  readonly #claims = new Claims()

  constructor(options: DriverOptions) {
    this.#options = options
  }

  /** Carries out every fault at its time. When the signal aborts, what lasts is ended at once and the rest left out. Never rejects. */
  async run(plan: readonly PlannedFault[], signal: AbortSignal): Promise<void> {
    await Promise.all(plan.map((planned) => this.#carryOut(planned, signal)))
    this.problems.push(...wipesTooClose(this.wipes, WIPE_RECOVERY_MS))
  }

  async #carryOut({ id, atMs, forMs, fault }: PlannedFault, signal: AbortSignal): Promise<void> {
    const { now, report, spill, ground } = this.#options
    if (!(await passed(atMs - now(), signal))) return
    const claims = claimsOf(fault, ground)
    const mayForget = claims.includes(WIPE_CLAIM)
    // By itself, and first: who waits for it keeps no process from other faults meanwhile.
    const forgotten = await this.#claims.take(mayForget ? [WIPE_CLAIM] : [])
    const release = await this.#claims.take(claims.filter((claim) => claim !== WIPE_CLAIM))
    const text = describeFault(fault)
    try {
      if (signal.aborted) return
      const beganMs = now()
      const active = await inject(this.#context(), fault, forMs)
      const injectedMs = Math.round(now())
      report(`#${id} ${text}${active.detail === undefined ? '' : ` (${active.detail})`} for ${forMs} ms`)
      spill.write({ at: injectedMs, id, step: 'injected', text, detail: active.detail })
      await passed(forMs - (now() - beganMs), signal)
      spill.write({ at: Math.round(now()), id, step: 'healing', text })
      await active.heal()
      const healedMs = Math.round(now())
      spill.write({ at: healedMs, id, step: 'healed', text })
      this.done.push({ id, kind: fault.kind, variety: varietyOf(fault), text, injectedMs, healedMs })
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown)
      this.problems.push(`#${id} ${text}: ${why}`)
      report(`#${id} ${text}: PROBLEM ${why.split('\n')[0]}`)
      spill.write({ at: Math.round(now()), id, step: 'problem', text, why })
    } finally {
      release()
    }
    if (mayForget) await this.#recovered(signal)
    forgotten()
  }

  /**
   * Waits until a quorum stands the next region that forgets: for the time that the plan leaves, from when this fault
   * really ended, and until all that was acknowledged before is everywhere; or until the signal aborts.
   */
  async #recovered(signal: AbortSignal): Promise<void> {
    const { now, spill } = this.#options
    const endedMs = now()
    await passed(WIPE_RECOVERY_MS, signal)
    while (!signal.aborted && !(await this.#isWhole(endedMs, signal))) await passed(LOOK_AGAIN_MS, signal)
    spill.write({ at: Math.round(now()), step: 'recovered', sinceMs: Math.round(endedMs) })
  }

  /** False, too, when the streams cannot be read now, or the signal aborts meanwhile. */
  async #isWhole(untilMs: number, signal: AbortSignal): Promise<boolean> {
    const { lab, history } = this.#options
    const quorum = history.topics.filter(({ durability }) => durability === 'quorum')
    const whole = readLogs(lab.regions, history, quorum).then((streams) => isWhole(history, streams, untilMs))
    const aborted = new Promise<boolean>((resolve) => {
      signal.addEventListener('abort', () => resolve(false), { once: true })
    })
    return await Promise.race([whole.catch(() => false), aborted])
  }

  #context(): FaultContext {
    const { lab, documents, now, history, spill } = this.#options
    return {
      lab,
      documents,
      now,
      wiped: ({ region, topic, fromMs }) => {
        const wipe = { region: history.regionIndex(region), topic, fromMs, untilMs: now() }
        this.wipes.push(wipe)
        spill.write({ at: Math.round(now()), step: 'wiped', ...wipe, region })
      },
    }
  }
}

/** Waits; false when the signal aborted before. */
async function passed(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false
  if (ms <= 0) return true
  return sleep(ms, true, { signal }).catch(() => false)
}
