import { formatTopicName } from '../names.ts'
import { topicToken } from '../subjects.ts'
import { formatAccessPolicySpec, readAccessPolicy } from './access-policy.ts'
import { Fields, type ReportProblem, show } from './fields.ts'
import { type Metadata, readMetadata } from './metadata.ts'
import { formatRegionPeerSpec, readRegionPeer } from './region-peer.ts'
import { formatTopicSpec, readTopic } from './topic.ts'
import { API_VERSION, type MeshDocument } from './types.ts'

type KindReader = {
  readonly scope: 'tenant' | 'region'
  readonly read: (metadata: Metadata, spec: Fields) => MeshDocument
}

const KINDS: ReadonlyMap<unknown, KindReader> = new Map<unknown, KindReader>([
  ['Topic', { scope: 'tenant', read: readTopic }],
  ['AccessPolicy', { scope: 'tenant', read: readAccessPolicy }],
  ['RegionPeer', { scope: 'region', read: readRegionPeer }],
])

/** Reads one document from plain data. Whatever is wrong goes to `report`; what is returned counts only if nothing did. */
export function readDocument(value: unknown, report: ReportProblem): MeshDocument | undefined {
  const fields = new Fields(value, '', report)
  const apiVersion = fields.value('apiVersion')
  if (apiVersion !== API_VERSION) fields.problem('apiVersion', `is ${show(apiVersion)}, wanted ${show(API_VERSION)}`)
  const kindName = fields.value('kind')
  const kind = KINDS.get(kindName)
  if (kind === undefined) {
    fields.problem('kind', `is ${show(kindName)}, wanted ${[...KINDS.keys()].map(show).join(' or ')}`)
    return undefined
  }
  if (fields.value('spec') === undefined) fields.problem('spec', 'is missing, wanted fields')
  const metadata = readMetadata(fields.fields('metadata'), kind.scope, report)
  const document = kind.read(metadata, fields.fields('spec'))
  fields.finish()
  return document
}

/** Where a document lies in the configuration bucket; unique for each document of a region. */
export function configKey(document: MeshDocument): string {
  switch (document.kind) {
    case 'Topic':
      return `topic.${document.name.tenant}.${topicToken(document.name.topic)}`
    case 'AccessPolicy':
      return `policy.${document.tenant}.${topicToken(document.name)}`
    case 'RegionPeer':
      return `peer.${document.region}`
  }
}

/** Where the topic of a stream lies in the configuration bucket: `configKey` of it. Undefined for a stream of no topic. */
export function configKeyOfStream(stream: string): string | undefined {
  const [, tenant, token] = /^lb_([a-z0-9-]+)_([a-z0-9_-]+)$/.exec(stream) ?? []
  return tenant === undefined || token === undefined ? undefined : `topic.${tenant}.${token}`
}

/** A document's name for people: "acme/orders.created", "acme/orders-team", "eu-west". */
export function documentName(document: MeshDocument): string {
  switch (document.kind) {
    case 'Topic':
      return formatTopicName(document.name)
    case 'AccessPolicy':
      return `${document.tenant}/${document.name}`
    case 'RegionPeer':
      return document.region
  }
}

/** A document as plain data in the shape of its YAML, defaults spelled out. */
export function documentData(document: MeshDocument): Readonly<Record<string, unknown>> {
  const { kind } = document
  switch (kind) {
    case 'Topic': {
      const metadata = { namespace: document.name.tenant, name: document.name.topic }
      return { apiVersion: API_VERSION, kind, metadata, spec: formatTopicSpec(document.spec) }
    }
    case 'AccessPolicy': {
      const metadata = { namespace: document.tenant, name: document.name }
      return { apiVersion: API_VERSION, kind, metadata, spec: formatAccessPolicySpec(document.spec) }
    }
    case 'RegionPeer': {
      const metadata = { name: document.region }
      return { apiVersion: API_VERSION, kind, metadata, spec: formatRegionPeerSpec(document.spec) }
    }
  }
}
