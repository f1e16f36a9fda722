import { isIP } from 'node:net'
import { MeshError, parseRegionName, quote } from '@landbridge/core'

/** A gateway to connect to: "host:port", "region=host:port", or the parts. */
export type EndpointInput =
  | string
  | {
      /** "host:port"; an IPv6 address in brackets. */
      readonly address: string
      /** The region behind it; learnt from its answers when not given. */
      readonly region?: string | undefined
      /** Name that its certificate must carry. Default: the host. */
      readonly serverName?: string | undefined
    }

/** A gateway, checked. All connections of one endpoint lead to one region. */
export type Endpoint = {
  /** "host:port". */
  readonly address: string
  /** Host name or IP address, without brackets. */
  readonly host: string
  /** The region, when the user named it. */
  readonly region: string | undefined
  /** Name that its certificate must carry, when it is not the host. */
  readonly serverName: string | undefined
}

const WANTED = 'wanted "host:port" or "region=host:port", such as "localhost:7443"'

/** Reads an endpoint; throws `invalid_argument`. */
export function parseEndpoint(input: EndpointInput): Endpoint {
  const parts = typeof input === 'string' ? splitRegion(input.trim()) : input
  const { host, port } = splitAddress(parts.address)
  if (parts.region !== undefined) {
    const region = parseRegionName(parts.region)
    if (region.error !== undefined) throw region.error
  }
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  return { address, host, region: parts.region, serverName: parts.serverName }
}

/** True when the host is an IP address, which TLS cannot announce as a server name (RFC 6066). */
export function isAddressLiteral(endpoint: Endpoint): boolean {
  return isIP(endpoint.host) !== 0
}

function splitRegion(text: string): { address: string; region?: string; serverName?: undefined } {
  const at = text.indexOf('=')
  if (at < 0) return { address: text }
  return { region: text.slice(0, at), address: text.slice(at + 1) }
}

function splitAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(address)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port < 1 || port > 65_535) {
    throw new MeshError('invalid_argument', `endpoint: is ${quote(address)}, ${WANTED}`)
  }
  if (match?.[1] !== undefined && isIP(host) !== 6) {
    throw new MeshError('invalid_argument', `endpoint: ${quote(host)} is no IPv6 address, ${WANTED}`)
  }
  return { host, port }
}
