import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ensureTool } from '../../../scripts/tool.mjs'
import { CommandLine } from '../command-line.ts'
import type { LoadReport } from './in-pod/load.ts'
import type { ReadReport } from './in-pod/read.ts'
import { CLIENT, SCRIPTS } from './manifests.ts'
import { REGIONS, RELEASE, type Region } from './region.ts'

const ROOT = join(import.meta.dirname, '../../..')
const NODE = '/usr/local/bin/node'
const LOAD_SILENT_MS = 180_000

const WORKING_CHART = join(ROOT, 'charts/landbridge')

/** Load that goes on until `stop`. */
export type Load = { stop(): Promise<LoadReport> }

/** A cluster, with what a user has in hand: kubectl, helm, and pods of a service. */
export class World implements AsyncDisposable {
  readonly #kubectl: CommandLine
  readonly #kubectlPath: string
  readonly #helm: CommandLine
  readonly #folder: string

  private constructor(kubectl: string, helm: string, folder: string) {
    this.#kubectlPath = kubectl
    this.#kubectl = new CommandLine(kubectl)
    this.#helm = new CommandLine(helm)
    this.#folder = folder
  }

  static async open(): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'landbridge-e2e-'))
    return new World(await ensureTool('kubectl'), await ensureTool('helm'), folder)
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return this.#kubectl.run(...args)
  }

  /** kubectl in a region's namespace. */
  in(region: Region, ...args: readonly string[]): Promise<string> {
    return this.#kubectl.run('--namespace', region.namespace, ...args)
  }

  apply(objects: readonly object[]): Promise<string> {
    return this.#kubectl.apply(objects)
  }

  /** Asks for a pod to go, as a drain of its node does. @throws Error when a budget keeps it */
  evict(region: Region, pod: string): Promise<string> {
    const metadata = { name: pod, namespace: region.namespace }
    const eviction = JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', metadata })
    const path = `/api/v1/namespaces/${region.namespace}/pods/${pod}/eviction`
    return this.#kubectl.pipe(eviction, 'create', '--raw', path, '-f', '-')
  }

  /** helm on the release of a region. @param values merged over the chart's own @param chart folder or package */
  async helm(command: 'install' | 'upgrade', region: Region, values: object, chart = WORKING_CHART): Promise<void> {
    const file = join(this.#folder, `${region.name}.json`)
    await writeFile(file, JSON.stringify(values))
    const flags = ['--namespace', region.namespace, '--values', file, '--wait', '--timeout', '10m']
    await this.#helm.run(command, RELEASE, chart, ...flags)
  }

  /** Any other command of helm on the release of a region. */
  helmOf(region: Region, command: string, ...flags: readonly string[]): Promise<string> {
    return this.#helm.run(command, RELEASE, '--namespace', region.namespace, ...flags)
  }

  /** The `landbridge` command in the region's client pod. @throws Error with what it says when it fails */
  landbridge(region: Region, ...args: readonly string[]): Promise<string> {
    return this.in(region, 'exec', CLIENT, '--', NODE, 'client/cli/main.ts', ...args)
  }

  /** What a region holds of the events of a source. */
  async read(region: Region, topic: string, source: string, wanted: number, withinMs = 120_000): Promise<ReadReport> {
    const script = `${SCRIPTS}/read.ts`
    const args = [topic, source, String(wanted), String(withinMs)]
    return JSON.parse(await this.in(region, 'exec', CLIENT, '--', NODE, script, ...args))
  }

  /**
   * Starts load from the region's client pod, to that many regions (home first); resolves when it goes.
   * @throws Error when it ends before
   */
  async load(region: Region, topic: string, source: string, regions: number = REGIONS.length): Promise<Load> {
    const script = [NODE, `${SCRIPTS}/load.ts`, topic, source, String(regions)]
    const args = ['--namespace', region.namespace, 'exec', '-i', CLIENT, '--', ...script]
    const child = spawn(this.#kubectlPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = once(child, 'exit')
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    // A call of the SDK takes half a minute at most.
    const endLate = () => setTimeout(() => child.kill('SIGKILL'), LOAD_SILENT_MS)
    const starting = endLate()
    const going = await lines.next()
    clearTimeout(starting)
    if (going.done) throw new Error(`load ${source}: ended with ${(await ended)[0]} before any event was acknowledged`)
    return {
      stop: async () => {
        child.stdin.end()
        const stopping = endLate()
        const report = await lines.next()
        const [code] = await ended
        clearTimeout(stopping)
        if (report.done || code !== 0) throw new Error(`load ${source}: ended with ${code}, wanted a report`)
        return JSON.parse(report.value)
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }
}
