import { ensureTool } from '../scripts/tool.mjs'
import { Disks } from './faults/disks.ts'
import { Links } from './faults/links.ts'
import { Toxics } from './faults/toxics.ts'
import { ADMIN_GROUP, type ExitListeners, Lab, type LabParts } from './lab.ts'
import { type LabOptions, type LabSettings, labSettings } from './options.ts'
import { ManagedProcess, type ProcessSpec } from './process/managed-process.ts'
import { PortReservation } from './process/ports.ts'
import { Reaper } from './process/reaper.ts'
import { gatewayProcess } from './region/gateway-process.ts'
import type { NatsNode } from './region/nats-config.ts'
import { natsProcess } from './region/nats-process.ts'
import { LabRegion } from './region/region.ts'
import { StateFolder } from './state-folder.ts'
import { Certificates } from './trust/certificates.ts'
import { TokenIssuer } from './trust/token-issuer.ts'

const AUDIENCE = 'landbridge'

type RegionPorts = {
  readonly nats: readonly Pick<NatsNode, 'clientPort' | 'monitorPort' | 'clusterPort'>[]
  readonly gateways: readonly { readonly grpcPort: number; readonly httpPort: number }[]
}

type Common = Pick<LabParts, 'settings' | 'state' | 'certificates' | 'issuer'> & {
  readonly natsServer: string
  readonly manage: (spec: ProcessSpec) => ManagedProcess
  readonly disks: Disks
}

/**
 * Starts a mesh: its authority and token issuer, then all regions side by side (nats-servers, gateways, peers, documents). Resolves when every region
 * is ready to serve.
 * @throws {Error} when an option is out of range, or anything does not start: its last log lines are in the text. Nothing is left behind.
 */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const settings = labSettings(options)
  const { regions: names, report } = settings
  const natsServer = await ensureTool('nats-server', { report })
  await using cleanup = new AsyncDisposableStack()
  const nodes = Object.fromEntries(names.map((name) => [name, settings.nodesOf(name)]))
  const state = cleanup.use(await StateFolder.open(settings.stateDir, nodes))
  const reaper = cleanup.use(new Reaper())
  if (state.temporary) reaper.removeAtEnd(state.path)
  const reservation = cleanup.use(new PortReservation())
  const certificates = await Certificates.open(state.at('certificates'), settings.mesh)
  const certificate = await certificates.server('issuer')
  const issuer = cleanup.use(
    await TokenIssuer.start({ certificate, audience: AUDIENCE, port: await reservation.take() }),
  )
  report('authority and token issuer are up')

  const exits: ExitListeners = new Set()
  const manage = (spec: ProcessSpec) =>
    new ManagedProcess(spec, { reaper, onExit: (exit) => exits.forEach((listener) => void listener(exit)) })
  const { toxics, random } = settings.prepare
  const proxies = toxics ? await startToxics(state.path, reservation, manage, report) : undefined
  const links = cleanup.use(new Links(proxies, random))
  const ports = new Map<string, RegionPorts>()
  for (const name of names) ports.set(name, await takePorts(reservation, settings.nodesOf(name), settings.gateways))
  const routes = await openRoutes(links, ports, reservation, settings)
  const disks = cleanup.use(new Disks())
  const common: Common = { settings, state, certificates, issuer, natsServer, manage, disks }
  const regions = new Map(
    await Promise.all(
      [...ports].map(async ([name, taken]) => [name, await describeRegion(name, taken, common)] as const),
    ),
  )

  const lab = new Lab({ settings, state, certificates, issuer, links, disks, regions, routes, exits }, cleanup.move())
  try {
    await Promise.all(lab.regions.map((region) => startRegion(lab, region, settings)))
    return lab
  } catch (error) {
    await lab.close()
    throw error
  }
}

async function startToxics(
  folder: string,
  ports: PortReservation,
  manage: Common['manage'],
  report: (line: string) => void,
): Promise<Toxics> {
  return Toxics.start({ command: await ensureTool('toxiproxy-server', { report }), folder, ports, manage })
}

async function startRegion(lab: Lab, region: LabRegion, settings: LabSettings): Promise<void> {
  await region.start('nats')
  settings.report(`${region.name}: NATS is up`)
  if (settings.gateways === 0) return
  await region.start('gateway')
  await lab.applyPeers(region.name)
  if (settings.documents !== '') await lab.apply(settings.documents, { region: region.name })
  settings.report(`${region.name}: gateway is up`)
}

async function takePorts(reservation: PortReservation, nodes: number, count: number): Promise<RegionPorts> {
  const nats: RegionPorts['nats'][number][] = []
  const gateways: RegionPorts['gateways'][number][] = []
  for (let node = 0; node < nodes; node++) {
    const clientPort = await reservation.take()
    nats.push({ clientPort, monitorPort: await reservation.take(), clusterPort: await reservation.take() })
  }
  for (let index = 0; index < count; index++) {
    gateways.push({ grpcPort: await reservation.take(), httpPort: await reservation.take() })
  }
  return { nats, gateways }
}

async function openRoutes(
  links: Links,
  ports: ReadonlyMap<string, RegionPorts>,
  reservation: PortReservation,
  settings: LabSettings,
): Promise<LabParts['routes']> {
  const routes = new Map<string, Map<string, readonly string[]>>()
  for (const from of ports.keys()) {
    const peers = new Map<string, readonly string[]>()
    routes.set(from, peers)
    for (const [to, { gateways }] of ports) {
      if (to === from || gateways.length === 0) continue
      const targets = gateways.map(({ grpcPort }) => grpcPort)
      const dialled: number[] = settings.directLinks ? targets : []
      if (!settings.directLinks) {
        for (const _ of targets) dialled.push(await reservation.take())
        await links.open({ from, to }, dialled, targets)
      }
      peers.set(to, dialled.map(endpoint))
    }
  }
  return routes
}

async function describeRegion(name: string, ports: RegionPorts, common: Common): Promise<LabRegion> {
  const { settings, state, certificates, issuer, manage, disks } = common
  const natsUrls = ports.nats.map(({ clientPort }) => `nats://127.0.0.1:${clientPort}`)
  const clusterPorts = ports.nats.map(({ clusterPort }) => clusterPort)
  const storeOf = (index: number) => state.at(name, `nats-${index}`, 'store')
  for (const index of ports.nats.keys()) {
    if (settings.prepare.disks.includes(`${name}/nats-${index}`))
      await disks.mount(`${name}/nats-${index}`, storeOf(index))
  }
  const servers: ManagedProcess[] = []
  const majority = Math.floor(ports.nats.length / 2) + 1
  for (const [index, taken] of ports.nats.entries()) {
    const folder = state.at(name, `nats-${index}`)
    const spec = await natsProcess({
      name: `${name}/nats-${index}`,
      command: common.natsServer,
      folder,
      node: { serverName: `${name}-nats-${index}`, storeFolder: storeOf(index), ...taken },
      region: { region: name, clusterPorts, syncInterval: settings.syncInterval, extra: settings.natsConfig },
      alone: () => servers.filter((server) => server.state !== 'stopped').length < majority,
    })
    servers.push(manage(spec))
  }
  const clockFiles = ports.gateways.map((_, index) =>
    settings.prepare.clocks ? state.at(name, `gateway-${index}`, 'clock') : undefined,
  )
  const certificate = await certificates.region(name)
  const gateways = ports.gateways.map((taken, index) =>
    manage(
      gatewayProcess({
        ...taken,
        region: name,
        index,
        mesh: settings.mesh,
        folder: state.at(name, `gateway-${index}`),
        natsUrls,
        certificate,
        issuer: { url: issuer.url, jwksUrl: issuer.jwksUrl, audience: issuer.audience, caFile: certificate.ca },
        admins: [`group:${ADMIN_GROUP}`],
        clockFile: clockFiles[index],
        replicas: settings.nodesOf(name),
        environment: settings.gatewayEnv(name, index),
      }),
    ),
  )
  const addresses = {
    endpoints: ports.gateways.map(({ grpcPort }) => endpoint(grpcPort)),
    httpEndpoints: ports.gateways.map(({ httpPort }) => `http://127.0.0.1:${httpPort}`),
    natsUrls,
    natsMonitorUrls: ports.nats.map(({ monitorPort }) => `http://127.0.0.1:${monitorPort}`),
    natsStores: ports.nats.map((_, index) => storeOf(index)),
  }
  return new LabRegion(name, addresses, { nats: servers, gateway: gateways }, clockFiles)
}

// A name, because grpc-js on Node 26 cannot dial an IP address over TLS.
function endpoint(port: number): string {
  return `localhost:${port}`
}
