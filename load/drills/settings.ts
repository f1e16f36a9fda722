/** What part of a drill an event is due in. */
export type Phase = 'warm-up' | 'baseline' | 'fault' | 'recovery'

/** When a phase ends, in seconds from the first event; in order. */
export type PhaseEnd = { readonly phase: Phase; readonly endSeconds: number }

/** Where a region takes events, "localhost:7443". */
export type RegionEndpoint = { readonly region: string; readonly address: string }

/** Everything that the k6 script is told, as one JSON file. */
export type PublishSettings = {
  /** "<tenant>/<topic>". */
  readonly topic: string
  readonly endpoints: readonly RegionEndpoint[]
  readonly token: string
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
  /** Folder with the protocol's files. */
  readonly protoFolder: string
  /** Events a second over all clients, whatever the answers do. */
  readonly perSecond: number
  /** Clients; each sends its events one after the other and has a home region. */
  readonly clients: number
  readonly phases: readonly PhaseEnd[]
  /** The first event that is due in the fault is taken for acknowledged without being sent. */
  readonly plantLoss: boolean
  /** k6 thresholds by metric. */
  readonly thresholds: Readonly<Record<string, readonly string[]>>
  /** Where k6 writes what it measured. */
  readonly summaryFile: string
}

/** One line that the k6 script prints. Times are milliseconds since 1970. */
export type JournalLine =
  /** The first event is due. */
  | { readonly kind: 'start'; readonly startMs: number }
  | {
      readonly kind: 'acknowledged'
      readonly source: string
      readonly id: string
      /** Where the client lives, and where the event was stored. */
      readonly home: string
      readonly region: string
      readonly phase: Phase
      readonly dueMs: number
      readonly acknowledgedMs: number
      readonly attempts: number
    }
  /** The client gave up; `reason` is its last answer. */
  | {
      readonly kind: 'unacknowledged'
      readonly source: string
      readonly id: string
      readonly home: string
      readonly phase: Phase
      readonly dueMs: number
      readonly reason: string
    }
