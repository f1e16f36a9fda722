import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024
/** Longer than any wait that a caller asks for. */
const COMMAND_MS = 900_000

/** A program that is run again and again. */
export class CommandLine {
  readonly #program: string
  readonly #env: NodeJS.ProcessEnv

  /** @param env on top of our own environment */
  constructor(program: string, env: NodeJS.ProcessEnv = {}) {
    this.#program = program
    this.#env = { ...process.env, ...env }
  }

  /** Its standard output. @throws Error with its standard error when it fails */
  async run(...args: readonly string[]): Promise<string> {
    return this.pipe('', ...args)
  }

  /** The same, with `input` on its standard input. */
  async pipe(input: string, ...args: readonly string[]): Promise<string> {
    const options = { env: this.#env, maxBuffer: OUTPUT_BYTES_MAX, timeout: COMMAND_MS }
    const running = promisify(execFile)(this.#program, args, options)
    running.child.stdin?.on('error', () => {}).end(input)
    return running.then(
      ({ stdout }) => stdout,
      (error: { stderr?: string; message: string }) => {
        throw new Error(`${args.slice(0, 6).join(' ')}: ${error.stderr?.trim() || error.message}`)
      },
    )
  }

  /** Applies objects. */
  apply(objects: readonly object[]): Promise<string> {
    return this.pipe(objects.map((object) => JSON.stringify(object)).join('\n---\n'), 'apply', '-f', '-')
  }
}
