import type { LinkStatus } from '../faults/links.ts'
import type { Lab } from '../lab.ts'
import type { ProcessState } from '../process/managed-process.ts'
import type { RegionAddresses } from '../region/region.ts'

/** The lab at one moment. */
export type LabStatus = {
  readonly stateDir: string
  readonly caFile: string
  readonly issuer: string
  readonly regions: readonly (Omit<RegionAddresses, 'natsStores'> & {
    readonly name: string
    readonly processes: readonly ProcessStatus[]
  })[]
  readonly links: readonly LinkStatus[]
}

/** One process of a region. */
export type ProcessStatus = {
  readonly role: 'nats' | 'gateway'
  readonly index: number
  readonly state: ProcessState
  /** null while stopped. */
  readonly pid: number | null
  readonly logFile: string
}

/** What runs, where, and what is broken on purpose. */
export function labStatus(lab: Lab): LabStatus {
  const { stateDir, caFile, issuer, links } = lab
  const regions = lab.regions.map((region) => {
    const { name, endpoints, httpEndpoints, natsUrls, natsMonitorUrls } = region
    const processes = (['nats', 'gateway'] as const).flatMap((role) =>
      region
        .processes(role)
        .map(({ state, pid, spec }, index) => ({ role, index, state, pid: pid ?? null, logFile: spec.logFile })),
    )
    return { name, endpoints, httpEndpoints, natsUrls, natsMonitorUrls, processes }
  })
  return { stateDir, caFile, issuer: issuer.url, regions, links: links.status() }
}
