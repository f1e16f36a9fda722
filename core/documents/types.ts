import type { TopicName } from '../names.ts'

/** The `apiVersion` of every document. */
export const API_VERSION = 'landbridge.dev/v1alpha1'

/** What a person asks the mesh for; tagged by `kind`. */
export type MeshDocument = TopicDocument | AccessPolicyDocument | RegionPeerDocument

/** A topic: `metadata.namespace` is its tenant, `metadata.name` its name. */
export type TopicDocument = {
  readonly kind: 'Topic'
  readonly name: TopicName
  readonly spec: TopicSpec
}

/** How a topic is stored and where. Defaults are filled in. */
export type TopicSpec = {
  /** Number of partitions, 1 to 256, default 1. May grow later, never shrink. */
  readonly partitions: number
  /**
   * "key": events of one key share a partition. "none": events are spread over the partitions whatever their key, so that
   * one busy key does not fill one of them. Subscribers get events in the stream's order with both. Default "key".
   */
  readonly ordering: 'key' | 'none'
  /** When old events leave; every limit that is given counts. */
  readonly retention: TopicRetention
  /** Where the stream keeps its events. Default "file"; fixed when the stream is created. */
  readonly storage: 'file' | 'memory'
  /** Copies of the stream in a region: 1, 3 or 5; undefined means the region's default. */
  readonly replicas: number | undefined
  /** Largest event as published, in bytes; 1 KiB to 8 MiB, default 1 MiB. */
  readonly maxEventBytes: number
  /** How long the server remembers event ids, in milliseconds; 30 s to 24 h, default 2 min, at most `retention.ageMs`. */
  readonly duplicateWindowMs: number
  /** What a gateway does with an event that its own region cannot store: hand it to another region, or refuse it. Default "forward". */
  readonly failover: 'forward' | 'none'
  /**
   * What an acknowledgement means. "local": this region's JetStream has the event. "quorum": at least one other region
   * has applied it, too. Default "local".
   */
  readonly durability: 'local' | 'quorum'
  /**
   * With durability "quorum", while no other region can take an event. "wait": until the publisher's deadline, then an
   * error. "degrade": acknowledge what this region has, and say so in the receipt. Default "wait".
   */
  readonly quorumFallback: 'wait' | 'degrade'
  /** Regions that hold the topic, sorted; empty means all. */
  readonly regions: readonly string[]
  /** What leaves a region, and how; in YAML under `replication`. */
  readonly egress: EgressSpec
  /** Who to ask; at most 256 characters, default empty. */
  readonly owner: string
  /** What subscribers may expect, for people; undefined: nothing is said. */
  readonly sla: TopicSla | undefined
  /** Set when the topic is to go away. */
  readonly deprecation: TopicDeprecation | undefined
  /** What it is for; at most 1,024 characters, default empty. */
  readonly description: string
  /** What happens to the stored events when the document is deleted. Default "Retain". */
  readonly deletionPolicy: 'Retain' | 'Delete'
}

/** What leaves the region that stored an event, and how. */
export type EgressSpec = {
  /**
   * A CEL expression over `event` and `data`: only events for which it is true leave; undefined means all. One for which
   * it cannot be evaluated stays. See `compileFilter`.
   */
  readonly filter: string | undefined
  /** At most 32, applied in order to events with JSON data; one whose data cannot be read stays. */
  readonly masks: readonly MaskRule[]
  /**
   * At most 64. Where an event may be held, by its attribute `dataclassification`. Once there is a rule, an event whose
   * classification has none may be held nowhere; one without a classification may be held everywhere.
   */
  readonly classifications: readonly ClassificationRule[]
}

/** Hides a part of an event's data from other regions. */
export type MaskRule = {
  /** `data.customer.email`, `data.items[*].card`, `data["a name"]`; `data` is all of it. See `parsePath`. */
  readonly path: string
  /**
   * "redact": a fixed text stands in its place. "hash": "sha256:" and the SHA-256 of the tenant's name and the value, so
   * that equal values can be told; whoever can guess a value can check the guess. "drop": it is left out.
   */
  readonly action: 'redact' | 'hash' | 'drop'
}

/** Regions that may hold events of one classification. */
export type ClassificationRule = {
  /** The value of `dataclassification`, exactly; "*" for every one without a rule of its own. */
  readonly classification: string
  /** 1 to 32, sorted; "*" for all. */
  readonly regions: readonly string[]
}

/** What subscribers of a topic may expect. */
export type TopicSla = {
  /** From publish to delivery within a region, in milliseconds. */
  readonly latencyMs: number | undefined
  /** Such as "99.95%"; at most 32 characters. */
  readonly availability: string | undefined
}

/** That a topic is to go away. */
export type TopicDeprecation = {
  /** For its users; 1 to 1,024 characters. */
  readonly message: string
  /** From when on it may be gone, milliseconds since 1970. */
  readonly sunsetMs: number | undefined
  /** The topic to use in its place, "<tenant>/<topic>". */
  readonly replacement: string | undefined
}

/** Limits of a topic's stream; undefined means no limit of that kind. */
export type TopicRetention = {
  /** Oldest event, in milliseconds. */
  readonly ageMs: number | undefined
  /** Stored bytes. */
  readonly bytes: number | undefined
  /** Stored events. */
  readonly events: number | undefined
}

/** Allows principals something on topics of one tenant; `metadata.namespace` is the tenant. Everything not allowed is refused. */
export type AccessPolicyDocument = {
  readonly kind: 'AccessPolicy'
  readonly tenant: string
  /** Unique within the tenant. */
  readonly name: string
  readonly spec: AccessPolicySpec
}

/** A policy allows a call when a principal, a topic, an operation and the condition all match. */
export type AccessPolicySpec = {
  /** 1 to 256; one must match. */
  readonly principals: readonly PrincipalMatcher[]
  /** 1 to 256 patterns: a topic's name with any number of "*" ("*", "orders", "orders.*"); "*" stands for any characters, dots included. */
  readonly topics: readonly string[]
  /** At least one. */
  readonly operations: readonly Operation[]
  /** A CEL expression over `principal`, `tenant`, `topic`, `operation` and `now`; undefined means always. See `compileCondition`. */
  readonly condition: string | undefined
  /** What of JSON data subscribers do not see; at most 32, default none. */
  readonly masks: readonly MaskRule[]
  /** How much publishing and subscribing, each for itself, may move. */
  readonly quotas: Quota
}

/**
 * The average rate of one principal in one gateway process. A second's worth may go at once; whatever is larger still
 * goes as a whole, and is waited for afterwards. Undefined: no limit.
 */
export type Quota = {
  /** 1 to 10,000,000. */
  readonly eventsPerSecond: number | undefined
  /** 1 B to 1 TiB; events as they are published, or as they are delivered. */
  readonly bytesPerSecond: number | undefined
}

/** What a policy can allow. */
export type Operation = 'publish' | 'subscribe' | 'admin'

/**
 * Who a policy is for. At least one field is given and all given fields must match.
 * Fields other than `spiffe` look at a verified token only, so that nobody can pose
 * as a token's subject with a certificate.
 */
export type PrincipalMatcher = {
  /** The token's subject; a last "*" matches any rest. */
  readonly subject?: string
  /** The token's issuer, exactly. */
  readonly issuer?: string
  /** One of the token's groups, exactly. */
  readonly group?: string
  /** The certificate's SPIFFE id; a last "*" matches any rest. */
  readonly spiffe?: string
  /** A claim of the token: equal to the value, or a list that holds it. */
  readonly claim?: ClaimMatcher
}

/** A claim and the value it must have. */
export type ClaimMatcher = {
  readonly name: string
  readonly value: string | number | boolean
}

/** Another region of the mesh; `metadata.name` is its name, and there is no namespace. */
export type RegionPeerDocument = {
  readonly kind: 'RegionPeer'
  readonly region: string
  readonly spec: RegionPeerSpec
}

/** How to reach another region and what it may have. */
export type RegionPeerSpec = {
  /** 1 to 32 gateways, "host:port". */
  readonly endpoints: readonly string[]
  /** Name to expect in the gateways' certificates; undefined means the endpoint's host. */
  readonly serverName: string | undefined
  /** Preference among routes, lowest first; 0 to 65,535, default 100. */
  readonly cost: number
  /** Which topics are exchanged with it: patterns "<tenant>/<topic>" with "*" for any characters within a part; default everything. */
  readonly topics: readonly string[]
  /** Of these, what it may have from this region; undefined means all of them. */
  readonly exports: readonly string[] | undefined
  /** Of these, what this region takes from it; undefined means all of them. */
  readonly imports: readonly string[] | undefined
  /** How its gateways prove that they are its own. */
  readonly trust: PeerTrust
}

/** What the certificate of a peer's gateways must be like, besides valid. */
export type PeerTrust = {
  /** CA certificates, PEM, one of which it chains to; undefined means the CA of this region's gateways. */
  readonly ca: string | undefined
  /** The SPIFFE id that it names; undefined means "spiffe://<mesh>/region/<region>". */
  readonly spiffe: string | undefined
  /** A JWK Set, JSON: it has one of these public keys, whose private half signs the peer's tokens; undefined means any key. */
  readonly jwks: string | undefined
}
