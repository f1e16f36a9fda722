import { setTimeout as delay } from 'node:timers/promises'

/** @throws Error with this text when it is not so */
export function expect(truth: boolean, text: string): void {
  if (!truth) throw new Error(text)
}

/** Waits until `check` gives a value other than undefined. @throws Error with its last failure when the time is over */
export async function eventually<T>(what: string, withinMs: number, check: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    let problem: unknown
    try {
      const value = await check()
      if (value !== undefined) return value
    } catch (error) {
      problem = error
    }
    if (performance.now() > deadline) {
      throw new Error(`${what}: not within ${withinMs / 1_000} s`, { cause: problem })
    }
    await delay(500)
  }
}

/** @throws Error unless the command fails, with a text that has these words */
export async function expectRefused(what: string, words: RegExp, attempt: () => Promise<string>): Promise<string> {
  const said = await attempt().catch((error: Error) => error)
  if (typeof said === 'string') throw new Error(`${what}: was accepted ("${said.trim()}"), wanted it refused`)
  if (!words.test(said.message)) throw new Error(`${what}: was refused, but with "${said.message}", wanted ${words}`)
  return said.message
}
