import { parseRegionName } from '@landbridge/core'

/** The SPIFFE id of a region's gateways: "spiffe://<mesh>/region/<region>". */
export function regionId(mesh: string, region: string): string {
  return `spiffe://${mesh}/region/${region}`
}

/** The region that a SPIFFE id names; undefined when it is not one of this mesh's regions. */
export function regionOfId(mesh: string, id: string | undefined): string | undefined {
  const prefix = regionId(mesh, '')
  if (id?.startsWith(prefix) !== true) return undefined
  return parseRegionName(id.slice(prefix.length)).value
}
