import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Journal } from './journal.ts'
import type { PublishSettings } from './settings.ts'

const SCRIPT = join(import.meta.dirname, 'k6', 'publish.ts')
const OUTPUT_LINES_MAX = 40
/** What k6 itself ends with when a threshold is crossed. */
const THRESHOLDS_CROSSED = 99

/** One figure of k6 for one metric, by the statistic's name. */
export type K6Metric = {
  readonly values: Readonly<Record<string, number>>
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>
}

/** What k6 measured and whether its thresholds held. */
export type K6Result = { readonly journal: Journal; readonly metrics: Readonly<Record<string, K6Metric>> }

/**
 * Runs the script to its end. `onStart` hears when the first event is due (ms since 1970).
 * @throws {Error} with k6's last words when it fails for another reason than a crossed threshold
 */
export async function runK6(options: {
  readonly k6: string
  readonly settings: PublishSettings
  /** Exists; receives the settings. */
  readonly folder: string
  readonly onStart: (startMs: number) => void
  readonly signal: AbortSignal
}): Promise<K6Result> {
  const settingsFile = join(options.folder, 'k6-settings.json')
  await writeFile(settingsFile, JSON.stringify(options.settings), { mode: 0o600 })
  const flags = ['run', '--quiet', '--no-usage-report', '--no-color', '--log-format', 'raw', '--log-output', 'stdout']
  const child = spawn(options.k6, [...flags, '--address', '', '--env', `SETTINGS=${settingsFile}`, SCRIPT], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const killChild = () => child.kill('SIGKILL')
  // Also when this process fails or is interrupted; only a SIGKILL of it gets past this.
  process.once('exit', killChild)
  options.signal.addEventListener('abort', killChild, { once: true })
  const journal = new Journal()
  const words: string[] = []
  const listen = (text: string) => {
    const line = journal.add(text)
    if (line?.kind === 'start') options.onStart(line.startMs)
    if (line !== undefined || text.trim() === '') return
    words.push(text)
    if (words.length > OUTPUT_LINES_MAX) words.shift()
  }
  createInterface({ input: child.stdout }).on('line', listen)
  createInterface({ input: child.stderr }).on('line', listen)
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  process.off('exit', killChild)
  options.signal.removeEventListener('abort', killChild)
  if (status !== 0 && status !== THRESHOLDS_CROSSED)
    throw new Error(`run k6: it ended with ${status}, wanted 0 or ${THRESHOLDS_CROSSED}\n${words.join('\n')}`)
  const { metrics } = JSON.parse(await readFile(options.settings.summaryFile, 'utf8')) as Pick<K6Result, 'metrics'>
  return { journal, metrics }
}
