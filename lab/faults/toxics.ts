import { type ICreateToxicBody, type Proxy as ToxicProxy, Toxiproxy } from 'toxiproxy-node-client'
import { getIfOk } from '../process/http-ready.ts'
import type { ManagedProcess, ProcessSpec } from '../process/managed-process.ts'
import type { PortReservation } from '../process/ports.ts'
import type { LinkTrouble } from './link-trouble.ts'

type Toxic = Pick<ICreateToxicBody<unknown>, 'type' | 'attributes'> & { readonly stream: 'upstream' | 'downstream' }

/** What a toxiproxy server does to connections: delays them, slows them down, swallows one direction. */
export class Toxics {
  readonly #client: Toxiproxy
  readonly #ports: PortReservation
  readonly #proxies = new Map<string, ToxicProxy>()
  readonly #active = new Map<string, readonly { remove(): Promise<void> }[]>()

  private constructor(client: Toxiproxy, ports: PortReservation) {
    this.#client = client
    this.#ports = ports
  }

  /** Starts the server, which ends with the lab. */
  static async start(options: {
    /** Path of toxiproxy-server. */
    readonly command: string
    readonly folder: string
    readonly ports: PortReservation
    readonly manage: (spec: ProcessSpec) => ManagedProcess
  }): Promise<Toxics> {
    const port = await options.ports.take()
    const url = `http://127.0.0.1:${port}`
    const server = options.manage({
      name: 'toxiproxy',
      command: options.command,
      arguments: ['-host', '127.0.0.1', '-port', String(port)],
      environment: {},
      logFile: `${options.folder}/toxiproxy.log`,
      isReady: async (signal) => (await getIfOk(`${url}/version`, signal)) !== undefined,
    })
    await server.start()
    return new Toxics(new Toxiproxy(url), options.ports)
  }

  /** Puts a proxy in front of a port on 127.0.0.1. Returns where it listens. */
  async open(name: string, targetPort: number): Promise<number> {
    const port = await this.#ports.take()
    const listen = `127.0.0.1:${port}`
    this.#proxies.set(name, await this.#client.createProxy({ name, listen, upstream: `127.0.0.1:${targetPort}` }))
    return port
  }

  /** Troubles a proxy, in place of its trouble before; undefined ends that. */
  async set(name: string, trouble: Exclude<LinkTrouble, { readonly kind: 'loss' }> | undefined): Promise<void> {
    const proxy = this.#proxies.get(name)
    if (proxy === undefined) throw new Error(`trouble ${name}: there is no such proxy`)
    for (const toxic of this.#active.get(name) ?? []) await toxic.remove()
    const wanted = trouble === undefined ? [] : toxicsOf(trouble)
    const added: { remove(): Promise<void> }[] = []
    this.#active.set(name, added)
    for (const { type, stream, attributes } of wanted) {
      added.push(await proxy.addToxic({ name: `${type}-${stream}`, type, stream, toxicity: 1, attributes }))
    }
  }
}

function toxicsOf(trouble: Exclude<LinkTrouble, { readonly kind: 'loss' }>): readonly Toxic[] {
  switch (trouble.kind) {
    case 'delay': {
      const attributes = { latency: trouble.delayMs, jitter: trouble.jitterMs }
      return [
        { type: 'latency', stream: 'upstream', attributes },
        { type: 'latency', stream: 'downstream', attributes },
      ]
    }
    case 'slow': {
      const attributes = { rate: Math.max(1, Math.round(trouble.bytesPerSecond / 1_000)) }
      return [
        { type: 'bandwidth', stream: 'upstream', attributes },
        { type: 'bandwidth', stream: 'downstream', attributes },
      ]
    }
    case 'half-open':
      return [
        { type: 'timeout', stream: trouble.lost === 'there' ? 'upstream' : 'downstream', attributes: { timeout: 0 } },
      ]
  }
}
