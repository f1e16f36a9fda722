import type { JournalLine, Phase } from './settings.ts'

type Acknowledged = Extract<JournalLine, { kind: 'acknowledged' }>
type Unacknowledged = Extract<JournalLine, { kind: 'unacknowledged' }>

/** What the clients saw. */
export class Journal {
  readonly acknowledged: Acknowledged[] = []
  readonly unacknowledged: Unacknowledged[] = []

  /** Takes one line of k6's output, and returns what it says; undefined for a line that is none of the script's. */
  add(text: string): JournalLine | undefined {
    const line = readLine(text)
    if (line?.kind === 'acknowledged') this.acknowledged.push(line)
    else if (line?.kind === 'unacknowledged') this.unacknowledged.push(line)
    return line
  }

  /** Why clients gave up, most frequent first, "<count>x <reason>"; at most `limit`. */
  reasons(limit: number): readonly string[] {
    const counts = new Map<string, number>()
    for (const { reason } of this.unacknowledged) counts.set(reason, (counts.get(reason) ?? 0) + 1)
    const sorted = [...counts].sort(([, one], [, other]) => other - one)
    return sorted.slice(0, limit).map(([reason, count]) => `${count}x ${reason}`)
  }

  /** The longest time from an event being due to its acknowledgement, among events due in these phases. */
  longestMs(phases: readonly Phase[]): number {
    let longest = 0
    for (const { phase, dueMs, acknowledgedMs } of this.acknowledged) {
      if (phases.includes(phase)) longest = Math.max(longest, acknowledgedMs - dueMs)
    }
    return longest
  }

  /**
   * The longest stretch after `fromMs` in which nothing that the clients of one home region sent was acknowledged: how
   * long that region's services stood still.
   */
  longestSilenceMs(home: string, fromMs: number): number {
    let last = fromMs
    let longest = 0
    const times = this.acknowledged.filter((line) => line.home === home).map((line) => line.acknowledgedMs)
    for (const time of times.sort((one, other) => one - other)) {
      if (time <= fromMs) continue
      longest = Math.max(longest, time - last)
      last = time
    }
    return longest
  }
}

function readLine(text: string): JournalLine | undefined {
  if (!text.startsWith('{"kind":')) return undefined
  try {
    return JSON.parse(text) as JournalLine
  } catch {
    return undefined
  }
}
