/** One event as it lies in a region's stream. */
export type StoredEvent = {
  /** "<source> <id>": names the event in the whole mesh. */
  readonly identity: string
  readonly origin: string
  readonly key: string
  /** What the publisher counted for this key: 1, 2, 3 ... */
  readonly counter: number
}

/** What one region's stream of one topic holds, in stream order. */
export type StreamContent = { readonly region: string; readonly topic: string; readonly events: readonly StoredEvent[] }

/** An event that a region acknowledged. */
export type AcknowledgedEvent = { readonly topic: string; readonly identity: string }

/** The figures of an audit; all problems are counted over all regions. */
export type AuditReport = {
  readonly storedByRegion: ReadonlyMap<string, number>
  /** Acknowledged events that a region does not hold. */
  readonly missing: number
  /** Events that a region holds more than once, counted beyond the first. */
  readonly duplicates: number
  /** Events that stand before an older event of the same origin and key. */
  readonly orderViolations: number
  /** Events that some regions hold and others do not. */
  readonly differing: number
  /** The first few problems in words. */
  readonly examples: readonly string[]
}

const examplesMax = 10

/**
 * Compares what every region holds with what was acknowledged.
 *
 * Order is judged twice: by the publisher's counter within one (origin, key), and by the order in which the origin
 * itself holds the events.
 */
export function auditStreams(
  contents: readonly StreamContent[],
  acknowledged: readonly AcknowledgedEvent[],
): AuditReport {
  const examples: string[] = []
  const note = (text: string) => void (examples.length < examplesMax && examples.push(text))
  const storedByRegion = new Map<string, number>()
  const figures = { missing: 0, duplicates: 0, orderViolations: 0, differing: 0 }
  for (const topic of new Set([
    ...contents.map((content) => content.topic),
    ...acknowledged.map((event) => event.topic),
  ])) {
    const streams = contents.filter((content) => content.topic === topic)
    const sets = streams.map((stream) => new Set(stream.events.map((event) => event.identity)))
    const union = new Set(sets.flatMap((set) => [...set]))
    const wanted = new Set(acknowledged.filter((event) => event.topic === topic).map((event) => event.identity))
    streams.forEach((stream, index) => {
      const held = sets[index] ?? new Set<string>()
      storedByRegion.set(stream.region, (storedByRegion.get(stream.region) ?? 0) + stream.events.length)
      figures.duplicates += stream.events.length - held.size
      for (const identity of repeated(stream.events)) note(`${stream.region} ${topic}: ${identity} more than once`)
      for (const identity of wanted) {
        if (held.has(identity)) continue
        figures.missing++
        note(`${stream.region} ${topic}: ${identity} was acknowledged and is missing`)
      }
      for (const identity of union) if (!held.has(identity)) figures.differing++
      for (const problem of orderProblems(stream, streams)) {
        figures.orderViolations++
        note(problem)
      }
    })
  }
  return { ...figures, storedByRegion, examples }
}

function repeated(events: readonly StoredEvent[]): string[] {
  const seen = new Set<string>()
  return events.flatMap(({ identity }) => {
    if (seen.has(identity)) return [identity]
    seen.add(identity)
    return []
  })
}

function orderProblems(stream: StreamContent, all: readonly StreamContent[]): string[] {
  const problems: string[] = []
  const places = new Map(all.map((other) => [other.region, placesOf(other)] as const))
  const last = new Map<string, { counter: number; place: number }>()
  for (const event of stream.events) {
    const lane = `${event.origin} ${event.key}`
    const before = last.get(lane)
    const place = places.get(event.origin)?.get(event.identity) ?? before?.place ?? 0
    if (before && (event.counter < before.counter || place < before.place)) {
      problems.push(`${stream.region} ${stream.topic}: ${event.identity} of ${lane} stands after a younger one`)
    }
    last.set(lane, {
      counter: Math.max(event.counter, before?.counter ?? 0),
      place: Math.max(place, before?.place ?? 0),
    })
  }
  return problems
}

function placesOf(stream: StreamContent): ReadonlyMap<string, number> {
  return new Map(
    stream.events.filter((event) => event.origin === stream.region).map((event, place) => [event.identity, place]),
  )
}
