import { Link, type LinkMode } from './link.ts'

/** The way from one region's gateways to another's. */
export type LinkPair = { readonly from: string; readonly to: string }

/** A pair, and what happens on it. */
export type LinkStatus = LinkPair & { readonly mode: LinkMode; readonly connections: number }

/**
 * All links between regions: for each directed pair one TCP proxy per gateway of the region that is dialled. Direction means who dials; bytes flow both
 * ways. A region pulls events over the links that start at it.
 */
export class Links implements AsyncDisposable {
  readonly #links = new Map<string, readonly Link[]>()

  /** Opens the links of a pair; `ports` are the proxies' and `targets` the gateways', in the same order. */
  async open(pair: LinkPair, ports: readonly number[], targets: readonly number[]): Promise<void> {
    const links = targets.map((target, index) => {
      const port = ports[index]
      if (port === undefined) throw new Error(`open link: gateway ${index} of ${pair.to} has no proxy port`)
      return Link.open(port, target)
    })
    this.#links.set(keyOf(pair), await Promise.all(links))
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
      return { from, to, mode: links[0]?.mode ?? 'open', connections }
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

function keyOf({ from, to }: LinkPair): string {
  return `${from} ${to}`
}
