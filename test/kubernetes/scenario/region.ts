/** A region of the scenario: a release in a namespace of its own. */
export type Region = { readonly name: string; readonly namespace: string }

export const REGIONS: readonly [Region, Region, Region] = [
  regionOf('us-east'),
  regionOf('eu-west'),
  regionOf('ap-south'),
]

export const RELEASE = 'landbridge'
export const MESH = 'landbridge.local'
/** One cluster stands for three: each region's operator follows the resources in its own namespace, for this tenant. */
export const TENANT = 'acme'
export const PORT = 7443

/** Where the services of a region find its gateways. */
export function gatewayOf({ namespace }: Region): string {
  return `${RELEASE}-gateway.${namespace}.svc:${PORT}`
}

/** All regions, this one first. */
export function homeFirst(home: Region): readonly Region[] {
  return [home, ...REGIONS.filter(({ name }) => name !== home.name)]
}

function regionOf(name: string): Region {
  return { name, namespace: `landbridge-e2e-${name}` }
}
