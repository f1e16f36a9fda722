import type { EventName } from '../history/history.ts'

/** What is wrong, in one word. */
export const VIOLATIONS = {
  /** I1: acknowledged, and no region holds it. */
  lost: 'acknowledged events that no region holds',
  /** I1 and I4: acknowledged, and some region does not hold it. */
  missing: 'acknowledged events that some region does not hold',
  /** I4: not acknowledged, held by some regions and not by others. */
  differing: 'other events that only some regions hold',
  /** I2. */
  duplicate: 'events that a region holds more than once',
  /** I3: a region shows an origin's records in another order than the origin. */
  order: "events out of their origin's order",
  /** I3: an origin stored a key's events in another order than they were published. */
  keyOrder: "events out of their publisher's order",
  /** Nobody published it. */
  stranger: 'events that nobody published',
  /** The mesh said that it was not stored. */
  refused: 'events that were refused and stored all the same',
  /** Acknowledged as quorum with fewer than two regions. */
  quorum: 'quorum receipts that name one region only',
  /** In a region where it must not be. */
  residency: 'events in a region that may not hold them',
} as const

export type ViolationKind = keyof typeof VIOLATIONS

/** One thing that is wrong. */
export type Violation = {
  readonly kind: ViolationKind
  readonly topic: string
  /** Name of the region; '' when it is the whole mesh. */
  readonly region: string
  /** Undefined for an event of nobody. */
  readonly event: EventName | undefined
  readonly text: string
}

/** Counts everything and keeps the first few of each kind. */
export class Violations {
  readonly counts: Record<ViolationKind, number> = {
    lost: 0,
    missing: 0,
    differing: 0,
    duplicate: 0,
    order: 0,
    keyOrder: 0,
    stranger: 0,
    refused: 0,
    quorum: 0,
    residency: 0,
  }
  readonly examples: Violation[] = []
  readonly #keptOfEach: number

  constructor(keptOfEach = 20) {
    this.#keptOfEach = keptOfEach
  }

  add(violation: Violation): void {
    const count = ++this.counts[violation.kind]
    if (count <= this.#keptOfEach) this.examples.push(violation)
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0)
  }
}
