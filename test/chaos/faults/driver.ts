import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '@landbridge/lab'
import type { JsonLines } from '../history/spill.ts'
import { claimsOf, describeFault, type Ground, type PlannedFault } from '../plan/fault.ts'
import { inject } from './actions.ts'
import { Claims } from './mutex.ts'

export type DriverOptions = {
  readonly lab: Lab
  readonly ground: Ground
  /** Milliseconds since the run began. */
  readonly now: () => number
  /** Hears of every step, for people. */
  readonly report: (line: string) => void
  readonly spill: JsonLines
}

/** A fault that was carried out. */
export type FaultRecord = {
  readonly id: number
  readonly kind: string
  readonly text: string
  readonly injectedMs: number
  readonly healedMs: number
}

/** Carries out a plan. */
export class FaultDriver {
  readonly done: FaultRecord[] = []
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
  }

  async #carryOut({ id, atMs, forMs, fault }: PlannedFault, signal: AbortSignal): Promise<void> {
    const { now, report, spill, lab, ground } = this.#options
    if (!(await passed(atMs - now(), signal))) return
    const release = await this.#claims.take(claimsOf(fault, ground))
    const text = describeFault(fault)
    try {
      if (signal.aborted) return
      const active = await inject(lab, fault)
      const injectedMs = Math.round(now())
      report(`#${id} ${text}${active.detail === undefined ? '' : ` (${active.detail})`} for ${forMs} ms`)
      spill.write({ at: injectedMs, id, step: 'injected', text, detail: active.detail })
      await passed(forMs, signal)
      spill.write({ at: Math.round(now()), id, step: 'healing', text })
      await active.heal()
      const healedMs = Math.round(now())
      spill.write({ at: healedMs, id, step: 'healed', text })
      this.done.push({ id, kind: fault.kind, text, injectedMs, healedMs })
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown)
      this.problems.push(`#${id} ${text}: ${why}`)
      report(`#${id} ${text}: PROBLEM ${why}`)
      spill.write({ at: Math.round(now()), id, step: 'problem', text, why })
    } finally {
      release()
    }
  }
}

/** Waits; false when the signal aborted before. */
async function passed(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false
  if (ms <= 0) return true
  return sleep(ms, true, { signal }).catch(() => false)
}
