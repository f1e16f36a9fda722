/** A region of the scenario: a release in a namespace of its own. */
export type Region = {
  readonly name: string
  readonly namespace: string
  /** NATS servers, and copies of every stream. */
  readonly replicas: 1 | 3
}

/** The first region is as the chart makes one by default; the others are small, for three regions on two cores. */
export const REGIONS: readonly [Region, Region, Region] = [
  regionOf('us-east', 3),
  regionOf('eu-west', 1),
  regionOf('ap-south', 1),
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

function regionOf(name: string, replicas: 1 | 3): Region {
  return { name, namespace: `landbridge-e2e-${name}`, replicas }
}
