import { Link, type LinkMode } from './link.ts'
import { describeTrouble, type LinkTrouble } from './link-trouble.ts'
import type { PacketLoss } from './packet-loss.ts'
import type { Toxics } from './toxics.ts'

/** The way from one region's gateways to another's. */
export type LinkPair = { readonly from: string; readonly to: string }

/** A pair, and what happens on it. */
export type LinkStatus = LinkPair & {
  readonly mode: LinkMode
  /** What else is wrong with the pair, in words; '' when nothing is. */
  readonly trouble: string
  readonly connections: number
}

/**
 * All links between regions: for each directed pair one TCP proxy per gateway of the region that is dialled. Direction means who dials; bytes flow both
 * ways. A region pulls events over the links that start at it.
 */
export class Links implements AsyncDisposable {
  readonly #links = new Map<string, readonly Link[]>()
  readonly #troubles = new Map<string, LinkTrouble>()
  readonly #toxics: Toxics | undefined
  readonly #random: () => number

  /** @param toxics what slows links down; without it they can only be cut, and lose packets */
  constructor(toxics?: Toxics, random: () => number = Math.random) {
    this.#toxics = toxics
    this.#random = random
  }

  /** Links can be late, slow and half-open, not only cut and lossy. */
  get hasToxics(): boolean {
    return this.#toxics !== undefined
  }

  /** Opens the links of a pair; `ports` are the proxies' and `targets` the gateways', in the same order. */
  async open(pair: LinkPair, ports: readonly number[], targets: readonly number[]): Promise<void> {
    const links = targets.map(async (target, index) => {
      const port = ports[index]
      if (port === undefined) throw new Error(`open link: gateway ${index} of ${pair.to} has no proxy port`)
      const behind = await this.#toxics?.open(nameOf(pair, index), target)
      return Link.open(port, behind ?? target, this.#random)
    })
    this.#links.set(keyOf(pair), await Promise.all(links))
  }

  /**
   * Makes a pair slow, lossy or half deaf, in place of its trouble before; undefined ends that.
   * @throws {Error} when the lab was started without `toxics` and the trouble needs them
   */
  async setTrouble(from: string, to: string, trouble: LinkTrouble | undefined): Promise<void> {
    const key = keyOf({ from, to })
    const links = this.of(from, to)
    const before = this.#troubles.get(key)
    if (before === undefined && trouble === undefined) return
    const toxic = trouble?.kind === 'loss' ? undefined : trouble
    if (toxic !== undefined && this.#toxics === undefined) {
      throw new Error(`trouble ${from} to ${to}: the lab has no toxics, wanted it started with them`)
    }
    // Bytes are missing from the middle of the conversation: it must not go on as if nothing had been. At once, before toxiproxy
    // ends it in order; and those that were begun meanwhile.
    const breakOff = (link: Link) => before?.kind === 'half-open' && link.resetAll()
    for (const [index, link] of links.entries()) {
      breakOff(link)
      await this.#toxics?.set(nameOf({ from, to }, index), toxic)
      link.setLoss(trouble?.kind === 'loss' ? trouble.ratio : 0)
      link.setPacketLoss(packetLossOf(trouble))
      breakOff(link)
    }
    if (trouble === undefined) this.#troubles.delete(key)
    else this.#troubles.set(key, trouble)
  }

  /**
   * The proxies of a pair, one a gateway of `to`.
   * @throws {Error} when there is no such pair
   */
  of(from: string, to: string): readonly Link[] {
    const links = this.#links.get(keyOf({ from, to }))
    if (links === undefined)
      throw new Error(`find link: there is none from "${from}" to "${to}", wanted two different regions of the lab`)
    return links
  }

  /** Changes what every proxy of a pair does. */
  async setMode(from: string, to: string, mode: LinkMode): Promise<void> {
    await Promise.all(this.of(from, to).map((link) => link.setMode(mode)))
  }

  /** Every pair. */
  status(): readonly LinkStatus[] {
    return [...this.#links].map(([key, links]) => {
      const [from = '', to = ''] = key.split(' ')
      const connections = links.reduce((sum, link) => sum + link.connections.length, 0)
      const trouble = this.#troubles.get(key)
      return {
        from,
        to,
        mode: links[0]?.mode ?? 'open',
        trouble: trouble === undefined ? '' : describeTrouble(trouble),
        connections,
      }
    })
  }

  /** Closes every proxy. */
  async close(): Promise<void> {
    await Promise.all([...this.#links.values()].flat().map((link) => link.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function packetLossOf(trouble: LinkTrouble | undefined): PacketLoss | undefined {
  if (trouble?.kind !== 'delay' || trouble.packetLoss === undefined) return undefined
  return { ratio: trouble.packetLoss, resentAfterMs: 2 * trouble.delayMs }
}

function keyOf({ from, to }: LinkPair): string {
  return `${from} ${to}`
}

function nameOf({ from, to }: LinkPair, index: number): string {
  return `${from}.${to}.${index}`
}
