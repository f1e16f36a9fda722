import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'

const PENDING_BYTES_MAX = 8 * 1024 * 1024

/** A file of one JSON object a line. When the disk does not keep up, lines are left out and counted. */
export class JsonLines implements AsyncDisposable {
  readonly path: string
  dropped = 0
  readonly #stream: WriteStream

  constructor(path: string) {
    this.path = path
    this.#stream = createWriteStream(path)
    this.#stream.on('error', () => {})
  }

  write(line: Readonly<Record<string, unknown>>): void {
    if (this.#stream.writableLength > PENDING_BYTES_MAX) this.dropped++
    else this.#stream.write(`${JSON.stringify(line)}\n`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stream.closed) return
    this.#stream.end()
    await once(this.#stream, 'close')
  }
}
