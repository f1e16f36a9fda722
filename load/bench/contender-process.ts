import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ContenderKind, Contenders } from './contender.ts'

type Answer = { readonly id: number; readonly outcome?: unknown; readonly error?: string }

const MAIN = join(import.meta.dirname, 'contender-main.ts')
const CALL_LIMIT_MS = 120_000

/**
 * A load generator in a process of its own, so that its work is not counted as anybody else's and does not hold up the one who measures.
 * It lives through all rounds: its code stays compiled and its connections stay open, for every contender alike.
 */
export class ContenderProcess<Kind extends ContenderKind> implements AsyncDisposable {
  readonly kind: Kind
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  #calls = 0

  private constructor(kind: Kind, execArgv: readonly string[]) {
    this.kind = kind
    this.#child = fork(MAIN, [kind], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [...execArgv] })
    this.#exited = once(this.#child, 'exit')
  }

  /**
   * Starts the process and connects it.
   * @param options `execArgv` for Node, such as --cpu-prof
   * @throws {Error} what went wrong in the process
   */
  static async start<Kind extends ContenderKind>(
    kind: Kind,
    setup: Contenders[Kind]['setup'],
    options: { readonly execArgv?: readonly string[] } = {},
  ): Promise<ContenderProcess<Kind>> {
    const contender = new ContenderProcess(kind, options.execArgv ?? [])
    try {
      await contender.#call(setup)
      return contender
    } catch (error) {
      await contender.close()
      throw error
    }
  }

  /** Does one task; one at a time. Rejects when the process fails, ends, or needs more than two minutes. */
  async run(task: Contenders[Kind]['task']): Promise<Contenders[Kind]['outcome']> {
    return (await this.#call(task)) as Contenders[Kind]['outcome']
  }

  /** Ends the process. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    if (this.#child.connected) this.#child.disconnect()
    else this.#child.kill('SIGKILL')
    await this.#exited
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #call(body: unknown): Promise<unknown> {
    const id = ++this.#calls
    const settled = new AbortController()
    const { signal } = settled
    const timer = setTimeout(
      () => settled.abort(new Error(`run ${this.kind}: no answer after ${CALL_LIMIT_MS} ms`)),
      CALL_LIMIT_MS,
    )
    try {
      const reply = once(this.#child, 'message', { signal })
      const end = once(this.#child, 'exit', { signal }).then(([code, signal]) => {
        throw new Error(`run ${this.kind}: its process ended with ${signal ?? `status ${code}`}, wanted an answer`)
      })
      // Whichever loses the race is rejected by the abort below, with nobody listening.
      end.catch(() => {})
      reply.catch(() => {})
      this.#child.send({ id, body })
      const [answer] = (await Promise.race([reply, end])) as [Answer]
      if (answer.error !== undefined) throw new Error(`run ${this.kind}: ${answer.error}`)
      return answer.outcome
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    } finally {
      clearTimeout(timer)
      settled.abort()
    }
  }
}
