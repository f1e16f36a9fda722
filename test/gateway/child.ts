import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Fixture } from './fixture.ts'

/** A gateway as a process of its own. */
export type ChildGateway = AsyncDisposable & {
  readonly grpc: string
  readonly http: string
  readonly process: ChildProcess
  /** What it logged. */
  readonly log: readonly Record<string, unknown>[]
  /** Sends a signal; resolves with the exit code once the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Resident memory in bytes, as the kernel counts it. */
  residentBytes(): Promise<number>
}

const MAIN = fileURLToPath(new URL('../../gateway/main.ts', import.meta.url))

/** Starts a gateway process in the region of a fixture; resolves when it is ready. */
export async function startChild(fixture: Fixture, env: Readonly<Record<string, string>> = {}): Promise<ChildGateway> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env.PATH ?? '',
      NODE_EXTRA_CA_CERTS: fixture.certificates.authority.caFile,
      ...fixture.env,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const log: Record<string, unknown>[] = []
  const ready = Promise.withResolvers<Record<string, unknown>>()
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    const entry = JSON.parse(line) as Record<string, unknown>
    log.push(entry)
    if (entry.msg === 'gateway ready') ready.resolve(entry)
  })
  const exited = once(child, 'exit')
  void exited.then(() => ready.reject(new Error(`start gateway: it ended; its log: ${JSON.stringify(log.slice(-3))}`)))
  const stop: ChildGateway['stop'] = async (signal = 'SIGTERM') => {
    child.kill(signal)
    await exited
    return child.exitCode
  }
  try {
    const { grpc, http } = await ready.promise
    return {
      grpc: String(grpc),
      http: String(http),
      process: child,
      log,
      stop,
      residentBytes: async () => {
        const text = await (await fetch(`http://${String(http)}/metrics`)).text()
        return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1])
      },
      [Symbol.asyncDispose]: async () => {
        if (child.exitCode === null && child.signalCode === null) await stop('SIGKILL')
      },
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}
