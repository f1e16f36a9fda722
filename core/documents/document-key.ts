import { parseRegionName, parseTopicName, quote } from '../names.ts'
import { fail, type Result, succeed } from '../result.ts'
import { topicToken } from '../subjects.ts'
import type { MeshDocument } from './types.ts'

/** What names a document within a region. */
export type DocumentKey = {
  readonly kind: MeshDocument['kind']
  /** "acme/orders" for topics and policies, the region's name for peers. */
  readonly name: string
  /** Owner of a topic or policy; empty for a peer. */
  readonly tenant: string
  /** Name of a topic within its tenant; empty for the others. */
  readonly topic: string
  /** Where it lies in the configuration bucket: what `configKey` says of the document. */
  readonly key: string
}

/** Reads a kind and a name as people write them; `invalid_argument` says what is wrong. */
export function parseDocumentKey(kind: string, name: string): Result<DocumentKey> {
  if (kind === 'RegionPeer') {
    const region = parseRegionName(name)
    if (region.error !== undefined) return { error: region.error }
    return succeed({ kind, name, tenant: '', topic: '', key: `peer.${name}` })
  }
  if (kind !== 'Topic' && kind !== 'AccessPolicy') {
    return fail('invalid_argument', `kind: is ${quote(kind)}, wanted "Topic", "AccessPolicy" or "RegionPeer"`)
  }
  const parsed = parseTopicName(name)
  if (parsed.error !== undefined) return { error: parsed.error }
  const { tenant, topic } = parsed.value
  const prefix = kind === 'Topic' ? 'topic' : 'policy'
  return succeed({
    kind,
    name,
    tenant,
    topic: kind === 'Topic' ? topic : '',
    key: `${prefix}.${tenant}.${topicToken(topic)}`,
  })
}
