import type { FaultRecord } from '../faults/driver.ts'

/** How many faults of each kind, and of each variety of the kinds that have several, were carried out. */
export type FaultCounts = {
  readonly byKind: Readonly<Record<string, number>>
  /** Of `byKind`, in which way: which process, what happened to links, what was hit as it recovered. */
  readonly byVariety: Readonly<Record<string, number>>
}

export function countFaults(done: readonly Pick<FaultRecord, 'kind' | 'variety'>[]): FaultCounts {
  const byKind: Record<string, number> = {}
  const byVariety: Record<string, number> = {}
  for (const { kind, variety } of done) {
    byKind[kind] = (byKind[kind] ?? 0) + 1
    if (variety !== undefined) byVariety[variety] = (byVariety[variety] ?? 0) + 1
  }
  return { byKind, byVariety }
}

/** The counts of several runs together. */
export function addCounts(runs: readonly FaultCounts[]): FaultCounts {
  return { byKind: sumOf(runs.map(({ byKind }) => byKind)), byVariety: sumOf(runs.map(({ byVariety }) => byVariety)) }
}

function sumOf(counts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sum: Record<string, number> = {}
  for (const [name, count] of counts.flatMap((each) => Object.entries(each))) sum[name] = (sum[name] ?? 0) + count
  return sum
}
