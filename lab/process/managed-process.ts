import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { identify, type ProcessIdentity, signalProcess } from './identity.ts'
import { tailOf } from './log-tail.ts'
import type { Reaper } from './reaper.ts'

/** What one process of the lab is and how it is known to be up. */
export type ProcessSpec = {
  /** Unique in the lab, such as "us-east/nats-0". */
  readonly name: string
  /** Absolute path of the program. */
  readonly command: string
  readonly arguments: readonly string[]
  /** Added to the lab's own environment; undefined removes a variable. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Both outputs are appended here. */
  readonly logFile: string
  /** Asked again and again after a start until it says true. */
  readonly isReady: (signal: AbortSignal) => Promise<boolean>
  /** How long it may take to get ready, in milliseconds. Default 30,000. */
  readonly readyTimeoutMs?: number
}

/** How a process ended. */
export type ProcessExit = {
  /** Of the spec. */
  readonly name: string
  readonly pid: number
  /** Exit status; undefined when a signal ended it. */
  readonly code: number | undefined
  readonly signal: NodeJS.Signals | undefined
  /** False when the lab itself had asked for it. */
  readonly unexpected: boolean
  /** The last lines of its log, for an unexpected end; else empty. */
  readonly tail: string
}

/** "paused" is stopped by SIGSTOP: alive to the network, doing nothing. */
export type ProcessState = 'stopped' | 'starting' | 'running' | 'paused'

type Running = {
  readonly child: ChildProcess
  readonly identity: ProcessIdentity
  readonly exited: PromiseWithResolvers<ProcessExit>
}

const READY_POLL_MS = 20

/**
 * One process that can be killed, paused and started again under the same name, ports and folders.
 *
 * 1. `start` resolves when the process is ready, and rejects with its last log lines when it dies or stays silent.
 * 2. `kill` resolves when the process is gone, paused or not.
 * 3. The process never outlives the lab: the reaper watches it.
 */
export class ManagedProcess {
  readonly spec: ProcessSpec
  readonly #reaper: Reaper
  readonly #onExit: (exit: ProcessExit) => void
  #state: ProcessState = 'stopped'
  #running: Running | undefined
  #starting: Promise<void> | undefined
  #spawning: Promise<Running> | undefined
  #expectExit = false

  constructor(spec: ProcessSpec, options: { readonly reaper: Reaper; readonly onExit: (exit: ProcessExit) => void }) {
    this.spec = spec
    this.#reaper = options.reaper
    this.#onExit = options.onExit
  }

  get state(): ProcessState {
    return this.#state
  }

  /** Of the current process; undefined while stopped. */
  get pid(): number | undefined {
    return this.#running?.identity.pid
  }

  /** Starts it and waits until it is ready; joins a start in progress; does nothing when it runs already. */
  start(): Promise<void> {
    if (this.#state === 'running') return Promise.resolve()
    if (this.#state === 'paused')
      return Promise.reject(new Error(`start ${this.spec.name}: it is paused, wanted it stopped (resume it)`))
    this.#starting ??= this.#launch().finally(() => {
      this.#starting = undefined
    })
    return this.#starting
  }

  /**
   * Sends a signal that ends it, and waits for the end. SIGKILL works on a paused process too; any other signal wakes it up first.
   * @returns undefined when it was not running
   */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<ProcessExit | undefined> {
    const running = this.#running ?? (await this.#spawning?.catch(() => undefined))
    if (running === undefined) return undefined
    this.#expectExit = true
    await signalProcess(running.identity, signal)
    if (this.#state === 'paused' && signal !== 'SIGKILL') await signalProcess(running.identity, 'SIGCONT')
    return running.exited.promise
  }

  /** Asks with SIGTERM, and ends it by force when it is still there after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    const ended = this.kill('SIGTERM')
    const timer = new AbortController()
    await Promise.race([ended, delay(graceMs, undefined, { signal: timer.signal }).catch(() => {})])
    timer.abort()
    await this.kill('SIGKILL')
    await ended
  }

  /** SIGSTOP: its sockets stay open and nothing answers. */
  async pause(): Promise<void> {
    if (this.#state !== 'running') throw new Error(`pause ${this.spec.name}: it is ${this.#state}, wanted running`)
    await this.#signalRunning('SIGSTOP')
    this.#state = 'paused'
  }

  /** SIGCONT after a pause; does nothing when it runs. */
  async resume(): Promise<void> {
    if (this.#state === 'running') return
    if (this.#state !== 'paused') throw new Error(`resume ${this.spec.name}: it is ${this.#state}, wanted paused`)
    await this.#signalRunning('SIGCONT')
    this.#state = 'running'
  }

  /** Kills it with `signal` when it runs, then starts it and waits until it is ready. */
  async restart(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.kill(signal)
    await this.start()
  }

  /** The last lines of its log, over all its runs. */
  logTail(lines = 30): Promise<string> {
    return tailOf(this.spec.logFile, lines)
  }

  async #signalRunning(signal: NodeJS.Signals): Promise<void> {
    if (this.#running !== undefined) await signalProcess(this.#running.identity, signal)
  }

  async #launch(): Promise<void> {
    this.#state = 'starting'
    this.#expectExit = false
    let running: Running
    try {
      this.#spawning = this.#spawn()
      running = await this.#spawning
    } catch (error) {
      this.#state = 'stopped'
      throw new Error(`start ${this.spec.name}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      })
    } finally {
      this.#spawning = undefined
    }
    const timeoutMs = this.spec.readyTimeoutMs ?? 30_000
    const waiting = new AbortController()
    const outcome = await Promise.race([
      running.exited.promise,
      this.#becomesReady(AbortSignal.any([waiting.signal, AbortSignal.timeout(timeoutMs)])),
    ])
    waiting.abort()
    if (outcome === 'ready') {
      this.#state = 'running'
      return
    }
    if (outcome === 'silent') {
      await this.kill('SIGKILL')
      throw new Error(
        `start ${this.spec.name}: not ready after ${timeoutMs} ms, wanted it to answer\n${await this.logTail()}`,
      )
    }
    const how = outcome.signal ?? `status ${outcome.code}`
    throw new Error(
      `start ${this.spec.name}: it ended with ${how} before it was ready (${this.spec.logFile})\n${await this.logTail()}`,
    )
  }

  async #spawn(): Promise<Running> {
    await mkdir(dirname(this.spec.logFile), { recursive: true })
    const log = await open(this.spec.logFile, 'a')
    try {
      const child = spawn(this.spec.command, [...this.spec.arguments], {
        // A process group of its own: Ctrl-C goes to the lab, which then stops its processes in order.
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        env: { ...process.env, ...this.spec.environment, ...this.#reaper.environment },
      })
      await once(child, 'spawn')
      return await this.#adopt(child)
    } finally {
      await log.close()
    }
  }

  async #adopt(child: ChildProcess): Promise<Running> {
    const pid = child.pid ?? 0
    const exited = Promise.withResolvers<ProcessExit>()
    const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      child.once('exit', (code, signal) => resolve([code, signal]))
    })
    const identity = (await identify(pid)) ?? { pid, startedAt: 'ended' }
    const running: Running = { child, identity, exited }
    this.#reaper.watch(identity)
    this.#running = running
    void ended.then(([code, signal]) => this.#ended(running, code, signal))
    return running
  }

  async #ended(running: Running, code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    const { pid } = running.identity
    const unexpected = !this.#expectExit
    this.#reaper.forget(pid)
    this.#running = undefined
    this.#state = 'stopped'
    const exit: ProcessExit = {
      name: this.spec.name,
      pid,
      code: code ?? undefined,
      signal: signal ?? undefined,
      unexpected,
      tail: unexpected ? await this.logTail() : '',
    }
    running.exited.resolve(exit)
    this.#onExit(exit)
  }

  async #becomesReady(signal: AbortSignal): Promise<'ready' | 'silent'> {
    while (!signal.aborted) {
      if (await this.spec.isReady(signal).catch(() => false)) return 'ready'
      await delay(READY_POLL_MS, undefined, { signal }).catch(() => {})
    }
    return 'silent'
  }
}
