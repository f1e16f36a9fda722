import { describeTrouble, type LinkTrouble } from '@landbridge/lab'

/** What a fault does; it is undone when its time is over. Regions are named, processes counted from 0. */
export type Fault =
  /** SIGKILL, then started again. */
  | { readonly kind: 'kill'; readonly region: string; readonly role: 'gateway' | 'nats'; readonly index: number }
  /** The same, and killed once more so long after it was started: while it starts, or catches up. */
  | {
      readonly kind: 'kill-again'
      readonly region: string
      readonly role: 'gateway' | 'nats'
      readonly index: number
      readonly againAfterMs: number
    }
  /** SIGSTOP, then SIGCONT: alive to the network, doing nothing. */
  | { readonly kind: 'pause'; readonly region: string; readonly role: 'gateway' | 'nats'; readonly index: number }
  /** The server that leads a topic's stream is killed or stopped. */
  | { readonly kind: 'leader'; readonly region: string; readonly topic: string; readonly how: 'kill' | 'pause' }
  /** Everything in a region is killed at once. */
  | { readonly kind: 'region-loss'; readonly region: string }
  /** The connections that one region dials to another. */
  | { readonly kind: 'link'; readonly from: string; readonly to: string; readonly trouble: Trouble }
  /** The same trouble both ways. */
  | { readonly kind: 'cut'; readonly one: string; readonly other: string; readonly trouble: Trouble }
  /** No way to or from a region. */
  | { readonly kind: 'isolate'; readonly region: string; readonly trouble: Trouble }
  /** Each process of the mesh is stopped gently and started again, one after the other. */
  | { readonly kind: 'rolling-restart' }
  /** A gateway's clock jumps, and jumps back. */
  | { readonly kind: 'clock'; readonly region: string; readonly index: number; readonly offsetMs: number }
  /** A server's disk is full; when it has room again, the server is started anew. */
  | { readonly kind: 'disk-full'; readonly region: string; readonly index: number }
  /** A server of a cluster is killed and started with a part of a stream's newest block cut off. */
  | {
      readonly kind: 'truncate'
      readonly region: string
      readonly index: number
      readonly topic: string
      readonly share: number
    }
  /**
   * The store of a region with one server is copied; when the fault's time is over, the server (and the gateways, if
   * they lose power too) is killed and started from the copy. Key-value buckets may come from an older or newer copy.
   */
  | {
      readonly kind: 'power-loss'
      readonly region: string
      readonly buckets: 'same' | 'older' | 'newer'
      readonly gateways: boolean
      readonly interruption: Interruption | undefined
    }
  /** A topic's stream is deleted, and made anew by applying the topic once more. */
  | {
      readonly kind: 'recreate'
      readonly region: string
      readonly topic: string
      readonly interruption: Interruption | undefined
    }

/** A gateway that is killed while its region gets back what it forgot, so long after its store is there again. */
export type Interruption = { readonly gateway: number; readonly afterMs: number }

/** What happens to a link: it is cut in one of the lab's ways, or works badly. */
export type Trouble = 'refused' | 'blackhole' | 'stalled' | LinkTrouble

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
  /** Links can be late, slow, half-open and lossy, not only cut. */
  readonly toxics: boolean
  /** Gateways' clocks can be wrong. */
  readonly clocks: boolean
  /** Only these are drawn; undefined: every kind. */
  readonly only?: readonly FaultKind[] | undefined
}

export type RegionGround = {
  readonly name: string
  readonly nodes: 1 | 3
  readonly gateways: number
  /** Servers whose disk can be full. */
  readonly disks: readonly number[]
}

/** A fault in a few words. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
    case 'pause':
      return `${fault.kind} ${fault.region}/${fault.role}-${fault.index}`
    case 'kill-again':
      return `kill ${fault.region}/${fault.role}-${fault.index}, and again ${fault.againAfterMs} ms after its start`
    case 'leader':
      return `${fault.how} leader of ${fault.topic} in ${fault.region}`
    case 'region-loss':
      return `kill all of ${fault.region}`
    case 'link':
      return `${wordsOf(fault.trouble)} ${fault.from} -> ${fault.to}`
    case 'cut':
      return `${wordsOf(fault.trouble)} ${fault.one} <-> ${fault.other}`
    case 'isolate':
      return `${wordsOf(fault.trouble)} ${fault.region} <-> all others`
    case 'rolling-restart':
      return 'rolling restart of everything'
    case 'clock':
      return `clock of ${fault.region}/gateway-${fault.index} wrong by ${fault.offsetMs} ms`
    case 'disk-full':
      return `disk of ${fault.region}/nats-${fault.index} full`
    case 'truncate':
      return `cut ${Math.round(fault.share * 100)}% off a block of ${fault.topic} at ${fault.region}/nats-${fault.index}`
    case 'power-loss':
      return `power loss of ${fault.region}${fault.gateways ? ' and its gateways' : ''}, buckets ${fault.buckets}${thenOf(fault.interruption)}`
    case 'recreate':
      return `delete and recreate ${fault.topic} in ${fault.region}${thenOf(fault.interruption)}`
  }
}

function thenOf(interruption: Interruption | undefined): string {
  return interruption === undefined
    ? ''
    : `, then kill gateway-${interruption.gateway} after ${interruption.afterMs} ms`
}

/** Which of its kind's several ways a fault takes; undefined when there is but one. */
export function varietyOf(fault: Fault): string | undefined {
  switch (fault.kind) {
    case 'kill':
    case 'kill-again':
    case 'pause':
      return `${fault.kind} ${fault.role}`
    case 'leader':
      return `${fault.kind} ${fault.how}`
    case 'link':
    case 'cut':
    case 'isolate':
      return `links ${typeof fault.trouble === 'string' ? fault.trouble : fault.trouble.kind}`
    case 'power-loss':
    case 'recreate':
      return fault.interruption === undefined ? undefined : `${fault.kind} with a gateway killed in its recovery`
    case 'region-loss':
    case 'rolling-restart':
    case 'clock':
    case 'disk-full':
    case 'truncate':
      return undefined
  }
}

function wordsOf(trouble: Trouble): string {
  return typeof trouble === 'string' ? trouble : describeTrouble(trouble)
}

/** The claim that all wipes share: one region forgets at a time. */
export const WIPE_CLAIM = 'wipe'

/** True for the claim on a link between regions. */
export function isLinkClaim(claim: string): boolean {
  return claim.includes('>')
}

/** What a fault has for itself while it lasts: processes and directed links. Two faults that share one never overlap. */
export function claimsOf(fault: Fault, ground: Ground): readonly string[] {
  const names = ground.regions.map(({ name }) => name)
  switch (fault.kind) {
    case 'kill':
    case 'kill-again':
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
    case 'clock':
      return [`${fault.region}/gateway-${fault.index}/clock`]
    case 'disk-full':
    case 'truncate':
      return [...processesOf(fault.region, ground, 'nats'), WIPE_CLAIM]
    case 'power-loss':
      return [
        ...processesOf(fault.region, ground, fault.gateways ? undefined : 'nats'),
        ...alsoKilled(fault),
        WIPE_CLAIM,
      ]
    case 'recreate':
      return [...processesOf(fault.region, ground), WIPE_CLAIM]
  }
}

/** The gateway that only the interruption kills. */
function alsoKilled({ region, gateways, interruption }: Extract<Fault, { readonly kind: 'power-loss' }>) {
  return gateways || interruption === undefined ? [] : [`${region}/gateway-${interruption.gateway}`]
}

function processesOf(region: string, ground: Ground, role?: 'gateway' | 'nats'): readonly string[] {
  const found = ground.regions.find(({ name }) => name === region)
  if (found === undefined) return []
  const list = (kind: 'gateway' | 'nats', count: number) =>
    role !== undefined && role !== kind ? [] : Array.from({ length: count }, (_, index) => `${region}/${kind}-${index}`)
  return [...list('nats', found.nodes), ...list('gateway', found.gateways)]
}
