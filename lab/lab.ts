import type { ApplyOutcome } from '@landbridge/client'
import { applyDocuments } from './apply.ts'
import { ControlServer } from './control/control-server.ts'
import type { Disks } from './faults/disks.ts'
import type { LinkMode } from './faults/link.ts'
import type { LinkTrouble } from './faults/link-trouble.ts'
import type { Links } from './faults/links.ts'
import type { LabSettings } from './options.ts'
import type { ProcessExit } from './process/managed-process.ts'
import { peerDocuments } from './region/peers.ts'
import type { LabRegion } from './region/region.ts'
import type { StateFolder } from './state-folder.ts'
import type { Certificates } from './trust/certificates.ts'
import type { TokenIssuer, TokenRequest } from './trust/token-issuer.ts'

/** Who is an administrator of every region of a lab, unless `gatewayEnv` says otherwise. */
export const ADMIN_GROUP = 'lab-admins'

/** Everything a lab is made of, as `startLab` puts it together. */
export type LabParts = {
  readonly settings: LabSettings
  readonly state: StateFolder
  readonly certificates: Certificates
  readonly issuer: TokenIssuer
  readonly links: Links
  readonly disks: Disks
  readonly regions: ReadonlyMap<string, LabRegion>
  /** What every region dials to reach each other one: from -> to -> endpoints. */
  readonly routes: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>
  readonly exits: ExitListeners
}

/** Those who want to know when a process ends. */
export type ExitListeners = Set<(exit: ProcessExit) => void>

// Long enough for a drain; only labs whose state stays are stopped gently.
const STOP_GRACE_MS = 8_000

/**
 * A whole mesh on this machine.
 *
 * 1. Everything listens on 127.0.0.1 only.
 * 2. Everything stops when the lab is closed, and also when its process is killed.
 * 3. Addresses and data of a region stay the same through kills and restarts.
 */
export class Lab implements AsyncDisposable {
  /** Everything the lab keeps: stores, logs, certificates. */
  readonly stateDir: string
  /** Certificate of the mesh's authority, PEM: what clients must trust. */
  readonly caFile: string
  readonly mesh: string
  readonly certificates: Certificates
  readonly issuer: TokenIssuer
  readonly links: Links
  /** Stores that can be full. */
  readonly disks: Disks
  readonly regions: readonly LabRegion[]
  readonly #parts: LabParts
  readonly #cleanup: AsyncDisposableStack
  #control: ControlServer | undefined
  #closing: Promise<void> | undefined

  constructor(parts: LabParts, cleanup: AsyncDisposableStack) {
    this.stateDir = parts.state.path
    this.caFile = parts.certificates.authority.caFile
    this.mesh = parts.settings.mesh
    this.certificates = parts.certificates
    this.issuer = parts.issuer
    this.links = parts.links
    this.disks = parts.disks
    this.regions = [...parts.regions.values()]
    this.#parts = parts
    this.#cleanup = cleanup
  }

  /**
   * A region by its name.
   * @throws {Error} when there is none
   */
  region(name: string): LabRegion {
    const region = this.#parts.regions.get(name)
    if (region === undefined) {
      throw new Error(`find region: there is no "${name}", wanted one of ${[...this.#parts.regions.keys()].join(', ')}`)
    }
    return region
  }

  /** Where the control API listens, and its bearer token; see `ControlServer`. Undefined until it is started. */
  get control(): ControlServer | undefined {
    return this.#control
  }

  /** Starts the control API, once. */
  async startControl(): Promise<ControlServer> {
    this.#control ??= this.#cleanup.use(await ControlServer.start(this))
    return this.#control
  }

  /** A signed token; see `TokenRequest` for the ways to get one that must be refused. */
  token(request: TokenRequest): Promise<string> {
    return this.issuer.token(request)
  }

  /** A token of an administrator of every region, for an hour. */
  adminToken(): Promise<string> {
    return this.issuer.token({ subject: 'lab-admin', groups: [ADMIN_GROUP] })
  }

  /**
   * Applies documents (YAML) through the AdminService of one region, or of every region at once.
   * @throws {Error} when a region refuses any of them
   */
  async apply(documents: string, options: { readonly region?: string } = {}): Promise<readonly ApplyOutcome[]> {
    const regions = options.region === undefined ? this.regions : [this.region(options.region)]
    const token = await this.adminToken()
    return (await Promise.all(regions.map((region) => this.#applyTo(region, documents, token)))).flat()
  }

  /** Tells a region how to reach the others, as `startLab` does: once more after its configuration was lost. */
  async applyPeers(region: string): Promise<void> {
    const routes = this.#parts.routes.get(region)
    if (routes !== undefined && routes.size > 0) await this.apply(peerDocuments(routes), { region })
  }

  /**
   * Changes what happens to connections that `from` dials to `to`: 'refused' (default) resets them and refuses new ones; see `LinkMode`. Bytes flow
   * both ways over a connection, but the other region's own connections are not touched.
   */
  async cut(from: string, to: string, mode: Exclude<LinkMode, 'open'> = 'refused'): Promise<void> {
    await this.links.setMode(from, to, mode)
  }

  /**
   * Makes the connections that `from` dials to `to` late, slow, lossy or half deaf; see `LinkTrouble`.
   * @throws {Error} when the lab was not prepared for it
   */
  async trouble(from: string, to: string, trouble: LinkTrouble): Promise<void> {
    await this.links.setTrouble(from, to, trouble)
  }

  /** Ends any fault of the connections that `from` dials to `to`. */
  async heal(from: string, to: string): Promise<void> {
    await this.links.setTrouble(from, to, undefined)
    await this.links.setMode(from, to, 'open')
  }

  /** Cuts two regions from each other, both ways. */
  async partition(one: string, other: string, mode: Exclude<LinkMode, 'open'> = 'refused'): Promise<void> {
    await Promise.all([this.cut(one, other, mode), this.cut(other, one, mode)])
  }

  /** Cuts a region from all others, both ways. */
  async isolate(region: string, mode: Exclude<LinkMode, 'open'> = 'refused'): Promise<void> {
    await Promise.all(this.#others(region).map((other) => this.partition(region, other, mode)))
  }

  /** Opens every link again. */
  async healAll(): Promise<void> {
    await Promise.all(this.links.status().map(({ from, to }) => this.heal(from, to)))
  }

  /** Hears of every process that ends, asked or not. Returns what ends the listening. */
  onExit(listener: (exit: ProcessExit) => void): () => void {
    this.#parts.exits.add(listener)
    return () => this.#parts.exits.delete(listener)
  }

  /** Stops everything. State in a lasting folder is stopped gently first, so that it is as a drained region leaves it. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { temporary } = this.#parts.state
    await Promise.all(this.regions.map((region) => (temporary ? region.kill('all') : region.stop(STOP_GRACE_MS))))
    await this.#cleanup.disposeAsync()
  }

  #others(region: string): readonly string[] {
    return this.regions.map(({ name }) => name).filter((name) => name !== region)
  }

  #applyTo(region: LabRegion, documents: string, token: string): Promise<readonly ApplyOutcome[]> {
    const [endpoint] = region.endpoints
    if (endpoint === undefined) throw new Error(`apply documents in ${region.name}: it has no gateway, wanted one`)
    return applyDocuments({ endpoint, caFile: this.caFile, token }, documents)
  }
}
