/** A JetStream stream in our own words; the package that talks to the server translates it. Everything not named here keeps the server's default. */
export type StreamShape = {
  readonly name: string
  readonly subjects: readonly string[]
  /** Copies within the region: 1, 3 or 5. */
  readonly replicas: number
  readonly storage: 'file' | 'memory'
  /** Oldest message in milliseconds; undefined means no limit. */
  readonly maxAgeMs: number | undefined
  /** Stored bytes; undefined means no limit. */
  readonly maxBytes: number | undefined
  /** Stored messages; undefined means no limit. */
  readonly maxMessages: number | undefined
  /** Largest message in bytes, headers included: the topic's `maxEventBytes` and what the mesh adds. */
  readonly maxMessageBytes: number
  /** How long message ids are remembered, in milliseconds. */
  readonly duplicateWindowMs: number
  /** Atomic batch publishing. */
  readonly allowAtomic: boolean
  /** Reads that any replica may answer. Off, because a position or a fence read from a lagging replica would be wrong. */
  readonly allowDirect: boolean
  /** Single messages cannot be deleted: a position lives in the stream's last records. */
  readonly denyDelete: boolean
  /** Messages cannot be purged, for the same reason. */
  readonly denyPurge: boolean
  readonly description: string
  /** Keys of the mesh begin with "landbridge.dev/"; keys of the server ("_nats.") are left out. */
  readonly metadata: Readonly<Record<string, string>>
}

/** What to do with a topic's stream. */
export type TopicPlan = {
  readonly action: 'create' | 'update' | 'unchanged' | 'refuse'
  /** Each difference, for people: "max_age 24h -> 48h". Empty for "create" and "unchanged"; for "refuse" what was asked for. */
  readonly changes: readonly string[]
  /** Why it is refused: what is, and what was wanted. Only with "refuse". */
  readonly reason?: string
  /** The stream as it will be: what to send to the server for "create" and "update". */
  readonly shape: StreamShape
}
