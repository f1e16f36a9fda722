import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const VERSION = '2.15.2'

/** Configuration that makes everybody a user who may not hear the server's notices. */
export const DEAF_USER = `
  authorization { users: [{ user: deaf, password: deaf, permissions: { subscribe: { deny: ["$JS.EVENT.>"] } } }] }
  no_auth_user: deaf
`

/** Options of `startNatsServers`. */
export type NatsServersOptions = {
  /** 1 (default) or 3 servers that form one JetStream cluster. */
  readonly nodes?: 1 | 3
  /** How often the servers sync to disk. Default 'always'. */
  readonly syncInterval?: string
  /** More lines for every server's configuration. */
  readonly config?: string
}

/** A running cluster of nats-server processes in a temporary directory. */
export type NatsServers = AsyncDisposable & {
  /** One URL a server. */
  readonly urls: readonly string[]
  readonly domain: string
  /** Ends a server and waits until it is gone; SIGKILL by default. */
  kill(index?: number, signal?: NodeJS.Signals): Promise<void>
  /** Starts a server that was killed, on its old port and directory, and waits until JetStream answers. */
  start(index?: number): Promise<void>
  /** SIGSTOP: the process keeps its sockets and does nothing. */
  pause(index?: number): void
  resume(index?: number): void
  /** What the server wrote to its log. */
  log(index?: number): Promise<string>
}

type Node = {
  readonly name: string
  readonly directory: string
  readonly port: number
  readonly monitorPort: number
  readonly configFile: string
  process: ChildProcess | undefined
}

/** Starts servers with JetStream; resolves when each of them reports healthy. */
export async function startNatsServers(options: NatsServersOptions = {}): Promise<NatsServers> {
  const directory = await mkdtemp(join(tmpdir(), 'landbridge-nats-'))
  const count = options.nodes ?? 1
  const ports = await freePorts(count * 3)
  const domain = 'test'
  const nodes: Node[] = []
  for (let index = 0; index < count; index++) {
    const name = `n${index}`
    const nodeDirectory = join(directory, name)
    const node: Node = {
      name,
      directory: nodeDirectory,
      port: portAt(ports, index * 3),
      monitorPort: portAt(ports, index * 3 + 1),
      configFile: join(directory, `${name}.conf`),
      process: undefined,
    }
    await writeFile(node.configFile, serverConfig(node, ports, count, domain, options))
    nodes.push(node)
  }
  const nodeAt = (index: number): Node => {
    const node = nodes[index]
    if (node === undefined) throw new RangeError(`NATS server ${index}: there are ${nodes.length}`)
    return node
  }
  await Promise.all(nodes.map((node) => startNode(node)))
  return {
    urls: nodes.map(({ port }) => `nats://127.0.0.1:${port}`),
    domain,
    kill: (index = 0, signal = 'SIGKILL') => killNode(nodeAt(index), signal),
    start: (index = 0) => startNode(nodeAt(index)),
    pause: (index = 0) => void nodeAt(index).process?.kill('SIGSTOP'),
    resume: (index = 0) => void nodeAt(index).process?.kill('SIGCONT'),
    log: (index = 0) => readFile(`${nodeAt(index).directory}.log`, 'utf8'),
    async [Symbol.asyncDispose]() {
      for (const node of nodes) node.process?.kill('SIGCONT')
      await Promise.all(nodes.map((node) => killNode(node, 'SIGKILL')))
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function serverConfig(
  node: Node,
  ports: readonly number[],
  count: number,
  domain: string,
  options: NatsServersOptions,
): string {
  const routes = Array.from({ length: count }, (_, index) => `nats://127.0.0.1:${portAt(ports, index * 3 + 2)}`)
  const own = Number.parseInt(node.name.slice(1), 10)
  const cluster = `cluster { name: test, listen: "127.0.0.1:${portAt(ports, own * 3 + 2)}", routes: [${routes.join(', ')}] }`
  return [
    `server_name: ${node.name}`,
    `listen: "127.0.0.1:${node.port}"`,
    `http: "127.0.0.1:${node.monitorPort}"`,
    `log_file: "${node.directory}.log"`,
    `jetstream { store_dir: "${node.directory}", domain: ${domain}, sync_interval: ${options.syncInterval ?? 'always'} }`,
    count > 1 ? cluster : '',
    options.config ?? '',
  ].join('\n')
}

async function startNode(node: Node): Promise<void> {
  if (node.process !== undefined) throw new Error(`start ${node.name}: it is running already`)
  const child = spawn(serverBinary(), ['-c', node.configFile], { stdio: 'ignore' })
  node.process = child
  const deadline = Date.now() + 30_000
  while (!(await isHealthy(node.monitorPort))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new Error(
        `start ${node.name}: it is not healthy; its log: ${await readFile(`${node.directory}.log`, 'utf8')}`,
      )
    }
    await wait(20)
  }
}

async function killNode(node: Node, signal: NodeJS.Signals): Promise<void> {
  const child = node.process
  node.process = undefined
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}

async function isHealthy(monitorPort: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${monitorPort}/healthz`)
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

function serverBinary(): string {
  const binary =
    process.env.LANDBRIDGE_NATS_SERVER ?? join(homedir(), '.cache/landbridge/bin', `nats-server-${VERSION}`)
  if (!existsSync(binary)) throw new Error(`start nats-server: ${binary} is not there, scripts/tools.sh fetches it`)
  return binary
}

/** Ports that were free a moment ago; a restarted server keeps its own, so the server cannot choose them. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function portAt(ports: readonly number[], index: number): number {
  return ports[index] ?? 0
}
