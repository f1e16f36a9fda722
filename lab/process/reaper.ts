import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ProcessIdentity } from './identity.ts'

const RESTARTS_MAX = 10
const MARK_NAME = 'LANDBRIDGE_LAB_MARK'

/**
 * The lab's end of the reaper (see reaper-main.ts).
 *
 * 1. A process that is watched, or was started with `environment`, does not outlive this one, whatever ends it: return, exception, SIGKILL.
 * 2. A process that was given the number of a watched one after its end is never hit.
 * 3. If the reaper itself is killed, another takes over with the same knowledge; ten times at most.
 */
export class Reaper implements AsyncDisposable {
  readonly #mark = `${MARK_NAME}=${randomUUID()}`
  readonly #watched = new Map<number, ProcessIdentity>()
  readonly #folders = new Set<string>()
  #child: ChildProcess
  #restarts = 0
  #closing: Promise<void> | undefined

  constructor() {
    this.#child = this.#spawn()
  }

  /** To be merged into the environment of everything that is started, so that even an unannounced child is found. */
  get environment(): Record<string, string> {
    return { [MARK_NAME]: this.#mark.slice(MARK_NAME.length + 1) }
  }

  /** The reaper's own process. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Kills this process at the end, unless it is forgotten before. */
  watch(identity: ProcessIdentity): void {
    this.#watched.set(identity.pid, identity)
    this.#tell(`watch ${identity.pid} ${identity.startedAt}`)
  }

  /** The process has ended. */
  forget(pid: number): void {
    this.#watched.delete(pid)
    this.#tell(`forget ${pid}`)
  }

  /** Removes this folder at the end, after the last process is gone. */
  removeAtEnd(folder: string): void {
    this.#folders.add(folder)
    this.#tell(`remove ${folder}`)
  }

  /** Ends everything watched, removes the folders, and waits until that is done. */
  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #finish(): Promise<void> {
    const child = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.ref()
    child.stdin?.end()
    await ended
  }

  #spawn(): ChildProcess {
    const program = fileURLToPath(new URL('./reaper-main.ts', import.meta.url))
    // What is known goes along as an argument: this process may be killed before it can write a line into the pipe.
    const child = spawn(process.execPath, [program, this.#knowledge().join('\n')], {
      // A session of its own: signals to the lab's terminal or process group must not reach it.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
    })
    child.stdin?.on('error', () => {})
    child.once('exit', () => this.#replace(child))
    child.once('error', () => this.#replace(child))
    child.unref()
    return child
  }

  #replace(child: ChildProcess): void {
    if (this.#closing !== undefined || child !== this.#child || this.#restarts >= RESTARTS_MAX) return
    this.#restarts++
    this.#child = this.#spawn()
  }

  #knowledge(): readonly string[] {
    const watched = [...this.#watched.values()].map(({ pid, startedAt }) => `watch ${pid} ${startedAt}`)
    return [`mark ${this.#mark}`, ...watched, ...[...this.#folders].map((folder) => `remove ${folder}`)]
  }

  #tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }
}
