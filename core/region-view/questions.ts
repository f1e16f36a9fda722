import { isRecord } from './records.ts'
import type { AppliedRow, LagRow, PeerStatus } from './status.ts'

/** Subject on which every gateway of a region answers what the others, and the operator, ask. */
export const REGION_VIEW_SUBJECT = 'lb-gateways.view'

/** A question to all gateways of a region; `topic` is "<tenant>/<topic>", absent for all topics. */
export type RegionQuestion =
  /** How far the region is behind: rows of the pulls that a gateway has. */
  | { readonly about: 'lag'; readonly topic?: string | undefined }
  /** The links to other regions. */
  | { readonly about: 'peers' }
  /** How far other regions have this region's own events of one topic. */
  | { readonly about: 'applied'; readonly topic: string }

/** The rows that answer a question. */
export type RegionRows = { readonly lag: LagRow; readonly peers: PeerStatus; readonly applied: AppliedRow }

/** One message of an answer; a gateway's answer ends with one that is the last. */
export type RegionAnswer = { readonly gateway: string; readonly last: boolean; readonly rows: readonly unknown[] }

/** Keeps a message far below the server's limit. */
const ROWS_A_MESSAGE = 1_000

/** Reads a question; undefined for one that this version does not know. */
export function parseRegionQuestion(text: string): RegionQuestion | undefined {
  return parsed(text, (value) => {
    if (!isRecord(value)) return undefined
    const { about, topic } = value
    const named = typeof topic === 'string' ? topic : undefined
    if (about === 'peers') return { about }
    if (about === 'lag') return { about, topic: named }
    return about === 'applied' && named !== undefined ? { about, topic: named } : undefined
  })
}

/** The messages of a gateway's answer. */
export function* formatRegionAnswer(gateway: string, rows: readonly unknown[]): Iterable<string> {
  for (let from = 0; from === 0 || from < rows.length; from += ROWS_A_MESSAGE) {
    const answer: RegionAnswer = {
      gateway,
      last: from + ROWS_A_MESSAGE >= rows.length,
      rows: rows.slice(from, from + ROWS_A_MESSAGE),
    }
    yield JSON.stringify(answer)
  }
}

/** Reads a message of an answer. */
export function parseRegionAnswer(text: string): RegionAnswer | undefined {
  return parsed(text, (value) => {
    if (!isRecord(value) || typeof value.gateway !== 'string' || !Array.isArray(value.rows)) return undefined
    return { gateway: value.gateway, last: value.last === true, rows: value.rows }
  })
}

/** The rows among what was answered. */
export function rowsAbout<About extends RegionQuestion['about']>(
  about: About,
  rows: readonly unknown[],
): RegionRows[About][] {
  const is = ROWS[about]
  return rows.filter((row): row is RegionRows[About] => is(row))
}

// A gateway of the same mesh wrote them: a field that a newer or older version leaves out reads as unknown.
const ROWS: Readonly<Record<RegionQuestion['about'], (row: unknown) => boolean>> = {
  lag: (row) => isRecord(row) && typeof row.topic === 'string' && typeof row.origin === 'string',
  peers: (row) => isRecord(row) && typeof row.region === 'string' && Array.isArray(row.endpoints),
  applied: (row) => isRecord(row) && typeof row.region === 'string' && typeof row.sequence === 'number',
}

function parsed<T>(text: string, read: (value: unknown) => T | undefined): T | undefined {
  try {
    return read(JSON.parse(text))
  } catch {
    return undefined
  }
}
