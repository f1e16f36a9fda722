import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { endProcess, killAtExit } from './child.ts'

/** What an operator needs to know. */
export type OperatorProcessOptions = {
  readonly kubeconfig: string
  readonly natsUrl: string
  readonly namespace: string
  /** Default bench. */
  readonly region?: string
}

const MAIN = fileURLToPath(new URL('../../../operator/main.ts', import.meta.url))
/** As the chart starts it. */
const FLAGS = ['--max-semi-space-size=4']
const READY_LIMIT_MS = 60_000
const POLL_MS = 50
const GRACE_MS = 15_000

/** A real operator in a process of its own, as its image starts it. */
export class OperatorProcess implements AsyncDisposable {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #http: string

  private constructor(child: ChildProcess, pid: number, http: string) {
    this.#child = child
    this.pid = pid
    this.#http = http
  }

  /** Starts one; resolves when its operations endpoints answer. @throws Error with its last words when they do not */
  static async start({
    kubeconfig,
    natsUrl,
    namespace,
    region = 'bench',
  }: OperatorProcessOptions): Promise<OperatorProcess> {
    const child = spawn(process.execPath, [...FLAGS, MAIN], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        KUBECONFIG: kubeconfig,
        LANDBRIDGE_REGION: region,
        LANDBRIDGE_NATS_SERVERS: natsUrl,
        LANDBRIDGE_NAMESPACE: namespace,
        LANDBRIDGE_HTTP_LISTEN: '127.0.0.1:0',
      },
    })
    const killChild = killAtExit(child)
    try {
      const http = await addressOf(child)
      if (child.pid === undefined) throw new Error('start operator: it has no process')
      return new OperatorProcess(child, child.pid, http)
    } catch (error) {
      killChild()
      throw error
    }
  }

  /** A figure of its /metrics; undefined while it has none. @param series such as `landbridge_operator_leading` */
  async figure(series: string): Promise<number | undefined> {
    const response = await fetch(`http://${this.#http}/metrics`)
    const line = (await response.text()).split('\n').find((one) => one.startsWith(`${series} `))
    return line === undefined ? undefined : Number(line.slice(series.length + 1))
  }

  /** Waits until a figure is at least this. @throws Error when it is not within a minute */
  async untilFigure(series: string, least: number): Promise<void> {
    const endMs = performance.now() + READY_LIMIT_MS
    while (((await this.figure(series)) ?? 0) < least) {
      if (performance.now() > endMs) throw new Error(`wait for ${series}: is below ${least} after ${READY_LIMIT_MS} ms`)
      await delay(POLL_MS)
    }
  }

  /** Ends it as Kubernetes does: it gives its lease back. */
  close(): Promise<void> {
    return endProcess(this.#child, GRACE_MS)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Its log says where it listens. */
async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('start operator: no standard output to read')
  const found = Promise.withResolvers<string>()
  const last: string[] = []
  const limit = setTimeout(() => found.reject(new Error('start operator: it is not ready')), READY_LIMIT_MS)
  createInterface({ input: child.stdout }).on('line', (line) => {
    last.push(line)
    if (last.length > 10) last.shift()
    const http = /"http":"([^"]+)"/.exec(line)?.[1]
    if (http !== undefined) found.resolve(http)
  })
  child.once('exit', () => found.reject(new Error(`start operator: it ended\n${last.join('\n')}`)))
  return found.promise.finally(() => clearTimeout(limit))
}
