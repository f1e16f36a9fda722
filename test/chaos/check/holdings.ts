import type { History } from '../history/history.ts'
import type { StreamLog } from '../history/stream-log.ts'

/** Which regions hold each event: a bit a region. */
export class Holdings {
  readonly #columns: readonly Uint16Array[]

  constructor(history: History) {
    this.#columns = history.publishers.map(({ last }) => new Uint16Array(last + 1))
  }

  of(publisher: number, number: number): number {
    return this.#columns[publisher]?.[number] ?? 0
  }

  has(publisher: number, number: number, region: number): boolean {
    return (this.of(publisher, number) & (1 << region)) !== 0
  }

  /** Returns false when the region holds it already. */
  add(publisher: number, number: number, region: number): boolean {
    const column = this.#columns[publisher]
    if (column === undefined) return true
    const before = column[number] ?? 0
    column[number] = before | (1 << region)
    return (before & (1 << region)) === 0
  }
}

/** Which regions hold each event as what they stored themselves: not what they got, or gave back for another one. */
export function ownHoldings(logs: readonly StreamLog[], history: History): Holdings {
  const own = new Holdings(history)
  for (const log of logs) {
    for (let at = 0; at < log.length; at++) {
      if (log.origin(at) === log.region) own.add(log.publisher(at), log.number(at), log.region)
    }
  }
  return own
}
