import {
  type AccessPolicyDocument,
  configKey,
  fromStored,
  type RegionPeerDocument,
  type TopicDocument,
} from '../documents/index.ts'
import { formatTopicName, quote } from '../names.ts'
import { PolicySet } from '../policy/index.ts'

/** Everything that was applied to a region, at one moment. It never changes: a new configuration makes a new snapshot. */
export type ConfigSnapshot = {
  /** Revision of the configuration bucket that it was made from; grows with each change. */
  readonly revision: number
  /** By "<tenant>/<topic>". */
  readonly topics: ReadonlyMap<string, TopicDocument>
  readonly policies: PolicySet
  /** By region. */
  readonly peers: ReadonlyMap<string, RegionPeerDocument>
}

/** A snapshot, and what had to be left out of it. */
export type BuiltSnapshot = {
  readonly snapshot: ConfigSnapshot
  /** One line an entry that is broken, for the log. */
  readonly problems: readonly string[]
  /** Keys of the broken entries: a caller that has an earlier good value of one can build again with that. */
  readonly brokenKeys: readonly string[]
}

/** A region to which nothing was applied yet: no topics, nobody may do anything. */
export const EMPTY_SNAPSHOT: ConfigSnapshot = Object.freeze({
  revision: 0,
  topics: new Map(),
  policies: new PolicySet([]),
  peers: new Map(),
})

/**
 * Builds a snapshot from the entries of the configuration bucket. A broken entry
 * is reported and left out, so that one bad document never takes the others
 * down; a policy that is left out allows nothing. An entry counts only under the
 * key of the document in it: otherwise a tenant's policy could be smuggled in
 * under another name.
 */
export function buildSnapshot(
  revision: number,
  entries: Iterable<readonly [key: string, json: string]>,
): BuiltSnapshot {
  const topics = new Map<string, TopicDocument>()
  const peers = new Map<string, RegionPeerDocument>()
  const policies: AccessPolicyDocument[] = []
  const broken = new Map<string, string>()
  for (const [key, json] of entries) {
    const { value: document, error } = fromStored(json)
    if (error !== undefined) {
      broken.set(key, error.message)
    } else if (configKey(document) !== key) {
      broken.set(key, `holds the document of ${quote(configKey(document))}, wanted its own`)
    } else if (document.kind === 'Topic') {
      topics.set(formatTopicName(document.name), document)
    } else if (document.kind === 'RegionPeer') {
      peers.set(document.region, document)
    } else {
      policies.push(document)
    }
  }
  return {
    snapshot: Object.freeze({ revision, topics, policies: new PolicySet(policies), peers }),
    problems: [...broken].map(([key, problem]) => `configuration ${quote(key)}: ${problem}`),
    brokenKeys: [...broken.keys()],
  }
}
