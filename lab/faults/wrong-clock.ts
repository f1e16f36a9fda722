// Loaded before a gateway (node --import): its wall clock goes wrong by the milliseconds that LANDBRIDGE_LAB_CLOCK_FILE
// holds, read again four times a second, as when somebody sets a machine's time. Monotonic clocks go on as they are.
import { readFileSync } from 'node:fs'

const READ_EVERY_MS = 250

const RightDate = Date
let offsetMs = 0

class WrongDate extends RightDate {
  constructor(...values: readonly unknown[]) {
    if (values.length === 0) super(WrongDate.now())
    else super(...(values as [number]))
  }

  static override now(): number {
    return RightDate.now() + offsetMs
  }

  /** What the runtime itself makes is a date too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Object.prototype.isPrototypeOf.call(RightDate.prototype, value as object)
  }
}

function read(file: string): void {
  try {
    const value = Number(readFileSync(file, 'utf8'))
    if (Number.isFinite(value)) offsetMs = value
  } catch {
    // No file: no offset, or the one before.
  }
}

const file = process.env.LANDBRIDGE_LAB_CLOCK_FILE
if (file !== undefined) {
  read(file)
  setInterval(() => read(file), READ_EVERY_MS).unref()
  globalThis.Date = WrongDate as DateConstructor
}
