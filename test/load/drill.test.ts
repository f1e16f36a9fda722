import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BUSY_MS } from '../busy.ts'

const MAIN = join(import.meta.dirname, '../../load/drills/main.ts')

type Report = {
  readonly passed: boolean
  readonly figures: { readonly acknowledged: number; readonly rpoEvents: number; readonly audit: object }
  readonly latenciesMs: Readonly<Record<string, { readonly count: number }>>
  readonly checks: readonly { readonly name: string; readonly met: boolean }[]
}

/** One short drill: the lengths of its phases in seconds, and more flags. */
async function drill(seconds: string, ...flags: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-drill-'))
  try {
    const json = join(folder, 'report.json')
    const child = spawn(
      process.execPath,
      [MAIN, 'link-cut', '--rate', '40', '--seconds', seconds, '--json', json, ...flags],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let text = ''
    child.stdout.on('data', (chunk) => (text += chunk))
    child.stderr.on('data', (chunk) => (text += chunk))
    const [status] = await once(child, 'close')
    const report = await readFile(json, 'utf8').catch(() => expect.fail(`no report, status ${status}:\n${text}`))
    return { status, text, report: JSON.parse(report) as Report }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test('a drill measures every phase, finds every event, and passes', { timeout: 120_000 }, async () => {
  const { status, text, report } = await drill('2,9,3', '--allowance', String(BUSY_MS / 1_000))
  expect(report.figures, text).toMatchObject({
    rpoEvents: 0,
    unacknowledged: 0,
    audit: { missing: 0, duplicates: 0, orderViolations: 0, differing: 0 },
  })
  expect(report.figures.acknowledged).toBeGreaterThan(300)
  for (const phase of ['baseline', 'fault', 'recovery']) expect(report.latenciesMs[phase]?.count).toBeGreaterThan(50)
  expect(status, text).toBe(0)
  expect(text).toContain('PASSED')
})

test('a planted loss is found, and fails the drill', { timeout: 120_000 }, async () => {
  const { status, text, report } = await drill('2,3,3', '--plant-loss')
  expect(report.figures).toMatchObject({ rpoEvents: 1, audit: { missing: 3, duplicates: 0 } })
  expect(report.checks.find(({ name }) => name === 'RPO, lost events')).toMatchObject({ met: false })
  expect(report.passed).toBe(false)
  expect(status, text).toBe(1)
})
