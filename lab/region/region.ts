import { writeClock } from '../faults/clock-file.ts'
import type { ManagedProcess, ProcessExit } from '../process/managed-process.ts'

/** What a process does in its region. */
export type Role = 'gateway' | 'nats'

/** One role, or everything in the region. */
export type Target = Role | 'all'

/** Which processes of a role, and how. */
export type TargetOptions = {
  /** Counting from 0; default: every one of the role. */
  readonly index?: number
  /** Default SIGKILL. */
  readonly signal?: NodeJS.Signals
}

/** Addresses of a region, unchanged over restarts. */
export type RegionAddresses = {
  /** gRPC over TLS of each gateway, "localhost:<port>". */
  readonly endpoints: readonly string[]
  /** /metrics, /healthz and /readyz of each gateway, "http://127.0.0.1:<port>". */
  readonly httpEndpoints: readonly string[]
  /** "nats://127.0.0.1:<port>" of each nats-server. */
  readonly natsUrls: readonly string[]
  /** Monitoring of each nats-server, "http://127.0.0.1:<port>". */
  readonly natsMonitorUrls: readonly string[]
  /** JetStream's folder of each nats-server. */
  readonly natsStores: readonly string[]
}

/** One region of the lab: its nats-servers, its gateways, and what can be done to them. */
export class LabRegion implements RegionAddresses {
  readonly name: string
  readonly endpoints: readonly string[]
  readonly httpEndpoints: readonly string[]
  readonly natsUrls: readonly string[]
  readonly natsMonitorUrls: readonly string[]
  readonly natsStores: readonly string[]
  readonly #processes: Readonly<Record<Role, readonly ManagedProcess[]>>
  readonly #clockFiles: readonly (string | undefined)[]

  /** @param clockFiles of each gateway; undefined where the clock cannot be set */
  constructor(
    name: string,
    addresses: RegionAddresses,
    processes: Readonly<Record<Role, readonly ManagedProcess[]>>,
    clockFiles: readonly (string | undefined)[],
  ) {
    this.name = name
    this.endpoints = addresses.endpoints
    this.httpEndpoints = addresses.httpEndpoints
    this.natsUrls = addresses.natsUrls
    this.natsMonitorUrls = addresses.natsMonitorUrls
    this.natsStores = addresses.natsStores
    this.#processes = processes
    this.#clockFiles = clockFiles
  }

  /**
   * The processes of a role.
   * @throws {Error} when there is none with this index
   */
  processes(target: Target, index?: number): readonly ManagedProcess[] {
    const all = target === 'all' ? [...this.#processes.nats, ...this.#processes.gateway] : this.#processes[target]
    if (index === undefined) return all
    const one = all[index]
    if (one === undefined)
      throw new Error(`find ${this.name}/${target}-${index}: there are ${all.length}, wanted an index below that`)
    return [one]
  }

  /** Ends processes with a signal (default SIGKILL) and waits until they are gone. Returns how each that ran ended. */
  async kill(target: Target, options: TargetOptions = {}): Promise<readonly ProcessExit[]> {
    const exits = await Promise.all(
      this.processes(target, options.index).map((process) => process.kill(options.signal)),
    )
    return exits.filter((exit) => exit !== undefined)
  }

  /** SIGSTOP: alive to the network, doing nothing. */
  async pause(target: Target, options: Pick<TargetOptions, 'index'> = {}): Promise<void> {
    await Promise.all(this.processes(target, options.index).map((process) => process.pause()))
  }

  /** SIGCONT. */
  async resume(target: Target, options: Pick<TargetOptions, 'index'> = {}): Promise<void> {
    await Promise.all(this.processes(target, options.index).map((process) => process.resume()))
  }

  /**
   * Makes a gateway's clock run ahead (or behind) by so many milliseconds, at once and over restarts.
   * @throws {Error} when the lab was not prepared for it
   */
  async setClock(index: number, offsetMs: number): Promise<void> {
    const file = this.#clockFiles[index]
    if (file === undefined)
      throw new Error(`set clock of ${this.name}/gateway-${index}: it has the machine's own clock`)
    await writeClock(file, offsetMs)
  }

  /** Starts what is not running, servers before gateways, and waits until all of it is ready. */
  async start(target: Target, options: Pick<TargetOptions, 'index'> = {}): Promise<void> {
    if (target === 'all' && options.index === undefined) {
      await this.start('nats')
      await this.start('gateway')
      return
    }
    await Promise.all(this.processes(target, options.index).map((process) => process.start()))
  }

  /** Kills and starts again, all at once. */
  async restart(target: Target, options: TargetOptions = {}): Promise<void> {
    await this.kill(target, options)
    await this.start(target, options)
  }

  /** SIGTERM, gateways before servers, then SIGKILL for what is left after `graceMs` each. */
  async stop(graceMs: number): Promise<void> {
    for (const role of ['gateway', 'nats'] as const)
      await Promise.all(this.#processes[role].map((process) => process.stop(graceMs)))
  }

  /** The last lines of a process's log. */
  async logs(role: Role, options: { readonly index?: number; readonly lines?: number } = {}): Promise<string> {
    const [process] = this.processes(role, options.index ?? 0)
    return process === undefined ? '' : process.logTail(options.lines)
  }
}
