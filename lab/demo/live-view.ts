import type { WriteStream } from 'node:tty'
import { type DemoProgress, progressLine, progressLines } from './progress.ts'

const cursorUp = (lines: number) => `\u001b[${lines}A`
const clearLine = '\u001b[2K'
const logEveryMs = 2000

/** Redraws the progress in place on a terminal, and writes a line every two seconds into anything else. */
export class LiveView {
  readonly #output: WriteStream | NodeJS.WriteStream
  #drawn = 0
  #loggedAtMs = Number.NEGATIVE_INFINITY

  constructor(output: WriteStream | NodeJS.WriteStream) {
    this.#output = output
  }

  show(progress: DemoProgress): void {
    if (!this.#output.isTTY) {
      this.#log(progress)
      return
    }
    const lines = progressLines(progress)
    const width = this.#output.columns || 120
    const up = this.#drawn > 0 ? cursorUp(this.#drawn) : ''
    this.#output.write(up + lines.map((line) => `${clearLine}${[...line].slice(0, width).join('')}\n`).join(''))
    this.#drawn = lines.length
  }

  end(): void {
    this.#drawn = 0
    this.#output.write('\n')
  }

  #log(progress: DemoProgress): void {
    const now = performance.now()
    if (now - this.#loggedAtMs < logEveryMs) return
    this.#loggedAtMs = now
    this.#output.write(`${progressLine(progress)}\n`)
  }
}
