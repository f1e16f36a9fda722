import { parseRegionName } from '../names.ts'
import type { Fields } from './fields.ts'
import type { Metadata } from './metadata.ts'
import { formatTrust, readTrust } from './peer-trust.ts'
import type { RegionPeerDocument } from './types.ts'

const ENDPOINTS = { min: 1, max: 32 }
const TOPICS = { max: 256 }
const HOST_LENGTH_MAX = 253
const COST_DEFAULT = 100
const COST = { min: 0, max: 65_535 }
const HOST_PATTERN = /^(?:[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?|\[[0-9A-Fa-f:.]{2,45}\])$/
const PATTERN_PATTERN = /^[a-z0-9*-]{1,63}\/[a-z0-9.*-]{1,128}$/

/** Reads a RegionPeer's metadata and spec. */
export function readRegionPeer(metadata: Metadata, spec: Fields): RegionPeerDocument {
  const region = parseRegionName(metadata.name)
  if (region.error !== undefined && metadata.name !== '') metadata.problem(region.error.message)
  const topics = readPatterns(spec, 'topics')
  const serverName = spec.text('serverName', HOST_LENGTH_MAX, { absent: undefined })
  if (serverName !== undefined && !HOST_PATTERN.test(serverName))
    spec.problem('serverName', 'is no host name, wanted one')
  const document: RegionPeerDocument = {
    kind: 'RegionPeer',
    region: metadata.name,
    spec: {
      endpoints: spec.texts('endpoints', ENDPOINTS, isEndpoint, '"host:port"'),
      serverName,
      cost: spec.integer('cost', COST, COST_DEFAULT),
      topics: topics ?? ['*/*'],
      exports: readPatterns(spec, 'exports'),
      imports: readPatterns(spec, 'imports'),
      trust: readTrust(spec.fields('trust')),
    },
  }
  spec.finish()
  return document
}

/** Patterns of topics. Absent is not the same as none. */
function readPatterns(spec: Fields, name: string): readonly string[] | undefined {
  if (spec.value(name) === undefined) return undefined
  return spec.texts(name, TOPICS, isExchangePattern, '"<tenant>/<topic>", "*" for any characters in a part')
}

function isEndpoint(text: string): boolean {
  const colon = text.lastIndexOf(':')
  const port = text.slice(colon + 1)
  const host = text.slice(0, Math.max(0, colon))
  if (host.length > HOST_LENGTH_MAX || !HOST_PATTERN.test(host)) return false
  return /^[1-9][0-9]{0,4}$/.test(port) && Number(port) <= 65_535
}

function isExchangePattern(text: string): boolean {
  return PATTERN_PATTERN.test(text)
}

/** The spec as it is written in YAML. */
export function formatRegionPeerSpec(spec: RegionPeerDocument['spec']): Readonly<Record<string, unknown>> {
  const { endpoints, serverName, cost, topics, exports, imports, trust } = spec
  return {
    endpoints,
    ...(serverName === undefined ? {} : { serverName }),
    ...{ cost, topics },
    ...(exports === undefined ? {} : { exports }),
    ...(imports === undefined ? {} : { imports }),
    ...formatTrust(trust),
  }
}
