import { type ChildProcess, spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Component } from './components.ts'

/** The running processes of a cluster. They have no end of their own: they go with their pid namespace. */
export class Processes {
  readonly #logs: string
  readonly #programs: string
  readonly #env: NodeJS.ProcessEnv
  readonly #running = new Map<string, ChildProcess>()

  /** @param logs folder for `<name>.log` @param programs folder with a program for every name */
  constructor(logs: string, programs: string, env: NodeJS.ProcessEnv) {
    this.#logs = logs
    this.#programs = programs
    this.#env = env
  }

  start({ name, args }: Component): void {
    const log = openSync(join(this.#logs, `${name}.log`), 'a')
    // In a session of its own, so that Ctrl-C reaches the scenario before them.
    const child = spawn(join(this.#programs, name), args, {
      stdio: ['ignore', log, log],
      env: this.#env,
      detached: true,
    })
    this.#running.set(name, child)
  }

  /**
   * Waits until `check` gives a value; what it throws means "not yet".
   * @throws Error when the time is over or a process has ended, with the end of its log
   */
  async until<T>(what: string, withinMs: number, check: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + withinMs
    for (;;) {
      let problem: unknown
      try {
        return await check()
      } catch (error) {
        problem = error
      }
      for (const [name, child] of this.#running) {
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`${name} ended with ${child.signalCode ?? child.exitCode}:\n${this.#tail(name)}`)
        }
      }
      if (performance.now() > deadline) {
        throw new Error(`cluster: ${what} took longer than ${withinMs / 1_000} s; logs are in ${this.#logs}`, {
          cause: problem,
        })
      }
      await delay(200)
    }
  }

  #tail(name: string): string {
    return readFileSync(join(this.#logs, `${name}.log`), 'utf8').slice(-3_000)
  }
}
