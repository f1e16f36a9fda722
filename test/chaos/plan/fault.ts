/** What a fault does; it is undone when its time is over. Regions are named, processes counted from 0. */
export type Fault =
  /** SIGKILL, then started again. */
  | { readonly kind: 'kill'; readonly region: string; readonly role: 'gateway' | 'nats'; readonly index: number }
  /** SIGSTOP, then SIGCONT: alive to the network, doing nothing. */
  | { readonly kind: 'pause'; readonly region: string; readonly role: 'gateway' | 'nats'; readonly index: number }
  /** The server that leads a topic's stream is killed or stopped. */
  | { readonly kind: 'leader'; readonly region: string; readonly topic: string; readonly how: 'kill' | 'pause' }
  /** Everything in a region is killed at once. */
  | { readonly kind: 'region-loss'; readonly region: string }
  /** The connections that one region dials to another. */
  | { readonly kind: 'link'; readonly from: string; readonly to: string; readonly trouble: LinkTrouble }
  /** The same trouble both ways. */
  | { readonly kind: 'cut'; readonly one: string; readonly other: string; readonly trouble: LinkTrouble }
  /** No way to or from a region. */
  | { readonly kind: 'isolate'; readonly region: string; readonly trouble: LinkTrouble }
  /** Each process of the mesh is stopped gently and started again, one after the other. */
  | { readonly kind: 'rolling-restart' }

/** What happens to a link: see the lab's `LinkMode`. */
export type LinkTrouble = 'refused' | 'blackhole' | 'stalled'

export type FaultKind = Fault['kind']

/** A fault and its time, in milliseconds from the first event. */
export type PlannedFault = {
  /** Counting from 1. */
  readonly id: number
  readonly atMs: number
  readonly forMs: number
  readonly fault: Fault
}

/** What a plan is made for. */
export type Ground = {
  readonly regions: readonly RegionGround[]
  readonly topics: readonly string[]
}

export type RegionGround = { readonly name: string; readonly nodes: 1 | 3; readonly gateways: number }

/** A fault in a few words. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
    case 'pause':
      return `${fault.kind} ${fault.region}/${fault.role}-${fault.index}`
    case 'leader':
      return `${fault.how} leader of ${fault.topic} in ${fault.region}`
    case 'region-loss':
      return `kill all of ${fault.region}`
    case 'link':
      return `${fault.trouble} ${fault.from} -> ${fault.to}`
    case 'cut':
      return `${fault.trouble} ${fault.one} <-> ${fault.other}`
    case 'isolate':
      return `${fault.trouble} ${fault.region} <-> all others`
    case 'rolling-restart':
      return 'rolling restart of everything'
  }
}

/** What a fault has for itself while it lasts: processes and directed links. Two faults that share one never overlap. */
export function claimsOf(fault: Fault, ground: Ground): readonly string[] {
  const names = ground.regions.map(({ name }) => name)
  switch (fault.kind) {
    case 'kill':
    case 'pause':
      return [`${fault.region}/${fault.role}-${fault.index}`]
    case 'leader':
      return processesOf(fault.region, ground, 'nats')
    case 'region-loss':
      return processesOf(fault.region, ground)
    case 'link':
      return [`${fault.from}>${fault.to}`]
    case 'cut':
      return [`${fault.one}>${fault.other}`, `${fault.other}>${fault.one}`]
    case 'isolate':
      return names
        .filter((name) => name !== fault.region)
        .flatMap((name) => [`${name}>${fault.region}`, `${fault.region}>${name}`])
    case 'rolling-restart':
      return names.flatMap((name) => processesOf(name, ground))
  }
}

function processesOf(region: string, ground: Ground, role?: 'gateway' | 'nats'): readonly string[] {
  const found = ground.regions.find(({ name }) => name === region)
  if (found === undefined) return []
  const list = (kind: 'gateway' | 'nats', count: number) =>
    role !== undefined && role !== kind ? [] : Array.from({ length: count }, (_, index) => `${region}/${kind}-${index}`)
  return [...list('nats', found.nodes), ...list('gateway', found.gateways)]
}
