import { parseRegionName } from '@landbridge/core'

/** What a lab is made of; everything has a default. */
export type LabOptions = {
  /** Names of the regions, different DNS labels, 1 to 9. Default us-east, eu-west, ap-south. */
  readonly regions?: readonly string[]
  /**
   * nats-servers in each region, the same for all or by its name: 1 (streams with one replica) or 3 (a cluster, streams
   * with three). Default 1.
   */
  readonly nodes?: NodeCount | Readonly<Record<string, NodeCount>>
  /** Gateways in each region, 0 to 9. Default 1. With 0 there are no peers and nothing is applied. */
  readonly gateways?: number
  /**
   * Folder for everything that the lab keeps: stores, logs, certificates. A given one stays, and its data is there again at the next start with the
   * same regions and nodes. Default: a temporary one, removed at the end.
   */
  readonly stateDir?: string
  /** Trust domain of every SPIFFE id. Default landbridge.local. */
  readonly mesh?: string
  /** Further environment of gateways, for all alike or each by itself. Default none. */
  readonly gatewayEnv?: GatewayEnvironment
  /** When JetStream syncs its files: `always` (default), or a duration such as "2m", which is the server's own default. */
  readonly syncInterval?: string
  /** More configuration for every nats-server, appended as it is. Default none. */
  readonly natsConfig?: string
  /** Documents (YAML) that are applied to every region before `startLab` resolves. Default none. */
  readonly documents?: string
  /** Regions dial each other's gateways without the lab's proxies, so that nothing but the mesh is measured; cuts are impossible then. Default false. */
  readonly directLinks?: boolean
  /** What must be prepared before it can go wrong. Default: nothing. */
  readonly prepare?: Preparation
  /** Hears of each step of the start. Default: nobody. */
  readonly report?: (line: string) => void
}

export type NodeCount = 1 | 3

/** Faults that cannot be had from any lab. */
export type Preparation = {
  /** Links can be slow, late and half-open: a toxiproxy server stands between them. Default false. */
  readonly toxics?: boolean
  /** Gateways' clocks can be set wrong. Default false. */
  readonly clocks?: boolean
  /**
   * nats-servers, such as "us-east/nats-2", whose store is a file system of its own and can be full. Linux and root only;
   * it lies in memory, so an fsync there costs nothing. Default none.
   */
  readonly disks?: readonly string[]
  /** Decides which bytes a lossy link loses, from 0 to below 1. Default Math.random. */
  readonly random?: () => number
}

/** Variables for a gateway: the same for all, or a function of its region and index. */
export type GatewayEnvironment =
  | Readonly<Record<string, string>>
  | ((region: string, index: number) => Readonly<Record<string, string>>)

/** Checked options with every default in place. */
export type LabSettings = Readonly<Required<Omit<LabOptions, 'stateDir' | 'gatewayEnv' | 'nodes' | 'prepare'>>> & {
  readonly stateDir: string | undefined
  readonly nodesOf: (region: string) => NodeCount
  readonly prepare: Readonly<Required<Preparation>>
  readonly gatewayEnv: (region: string, index: number) => Readonly<Record<string, string>>
}

/** The regions of a lab when nobody names others. */
export const DEFAULT_REGIONS: readonly string[] = ['us-east', 'eu-west', 'ap-south']

const COUNT_MAX = 9

/**
 * Checks options and fills in defaults.
 * @throws {Error} when an option is out of its range
 */
export function labSettings(options: LabOptions): LabSettings {
  const { regions = DEFAULT_REGIONS, nodes = 1, gateways = 1, gatewayEnv = {} } = options
  if (regions.length < 1 || regions.length > COUNT_MAX) {
    throw new Error(`start lab: there are ${regions.length} regions, wanted 1 to ${COUNT_MAX}`)
  }
  for (const region of regions) {
    const parsed = parseRegionName(region)
    if (parsed.error !== undefined) throw new Error(`start lab: ${parsed.error.message}`, { cause: parsed.error })
  }
  if (new Set(regions).size !== regions.length)
    throw new Error(`start lab: regions are ${regions.join(', ')}, wanted different names`)
  const nodesOf = (region: string) => (typeof nodes === 'number' ? nodes : (nodes[region] ?? 1))
  for (const count of regions.map(nodesOf)) {
    if (count !== 1 && count !== 3) throw new Error(`start lab: nodes is ${count}, wanted 1 or 3`)
  }
  if (!Number.isInteger(gateways) || gateways < 0 || gateways > COUNT_MAX) {
    throw new Error(`start lab: gateways is ${gateways}, wanted 0 to ${COUNT_MAX}`)
  }
  return Object.freeze({
    regions: Object.freeze([...regions]),
    nodesOf,
    gateways,
    stateDir: options.stateDir,
    mesh: options.mesh ?? 'landbridge.local',
    gatewayEnv: typeof gatewayEnv === 'function' ? gatewayEnv : () => gatewayEnv,
    syncInterval: options.syncInterval ?? 'always',
    natsConfig: options.natsConfig ?? '',
    documents: options.documents ?? '',
    directLinks: options.directLinks ?? false,
    prepare: { toxics: false, clocks: false, disks: [], random: Math.random, ...options.prepare },
    report: options.report ?? (() => {}),
  })
}
