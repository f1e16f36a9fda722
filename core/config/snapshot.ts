import {
  configKey,
  fromStored,
  type MeshDocument,
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
 * Builds snapshots from the entries of the configuration bucket.
 *
 * 1. A broken entry is reported and left out, so that one bad document never takes the others down; a policy that is left
 *    out allows nothing.
 * 2. An entry counts only under the key of the document in it: otherwise a tenant's policy could be smuggled in under
 *    another name.
 * 3. Only entries that changed since the last build are read again: with ten thousand topics a change costs
 *    milliseconds.
 */
export class SnapshotBuilder {
  #read = new Map<string, ReadEntry>()
  #policies = EMPTY_SNAPSHOT.policies
  #policyEntries: readonly ReadEntry[] = []

  /** The snapshot of these entries. */
  build(revision: number, entries: Iterable<readonly [key: string, json: string]>): BuiltSnapshot {
    const read = new Map<string, ReadEntry>()
    const topics = new Map<string, TopicDocument>()
    const peers = new Map<string, RegionPeerDocument>()
    const policyEntries: ReadEntry[] = []
    const broken = new Map<string, string>()
    for (const [key, json] of entries) {
      const before = this.#read.get(key)
      const entry = before?.json === json ? before : readEntry(key, json)
      read.set(key, entry)
      const { document } = entry
      if (document === undefined) broken.set(key, entry.problem)
      else if (document.kind === 'Topic') topics.set(entry.name, document)
      else if (document.kind === 'RegionPeer') peers.set(entry.name, document)
      else policyEntries.push(entry)
    }
    this.#read = read
    return {
      snapshot: Object.freeze({ revision, topics, policies: this.#policiesOf(policyEntries), peers }),
      problems: [...broken].map(([key, problem]) => `configuration ${quote(key)}: ${problem}`),
      brokenKeys: [...broken.keys()],
    }
  }

  #policiesOf(entries: readonly ReadEntry[]): PolicySet {
    const same =
      entries.length === this.#policyEntries.length &&
      entries.every((entry, index) => entry === this.#policyEntries[index])
    if (same) return this.#policies
    const documents = entries.flatMap(({ document }) => (document?.kind === 'AccessPolicy' ? [document] : []))
    this.#policyEntries = entries
    this.#policies = new PolicySet(documents)
    return this.#policies
  }
}

/** The snapshot of these entries, built once. */
export function buildSnapshot(
  revision: number,
  entries: Iterable<readonly [key: string, json: string]>,
): BuiltSnapshot {
  return new SnapshotBuilder().build(revision, entries)
}

type ReadEntry = {
  readonly json: string
  /** "<tenant>/<topic>" or the region; empty for a policy. */
  readonly name: string
  /** Undefined for a broken entry. */
  readonly document: MeshDocument | undefined
  readonly problem: string
}

function readEntry(key: string, json: string): ReadEntry {
  const { value: document, error } = fromStored(json)
  if (error !== undefined) return { json, name: '', document: undefined, problem: error.message }
  if (configKey(document) !== key) {
    const problem = `holds the document of ${quote(configKey(document))}, wanted its own`
    return { json, name: '', document: undefined, problem }
  }
  const name =
    document.kind === 'Topic' ? formatTopicName(document.name) : document.kind === 'RegionPeer' ? document.region : ''
  return { json, name, document, problem: '' }
}
