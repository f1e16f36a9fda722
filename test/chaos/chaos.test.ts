import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chaosSeed } from '../replication/random.ts'
import { problemsOf, summaryOf } from './report/report.ts'
import { runChaos } from './run-chaos.ts'
import { setupOf } from './setup.ts'

const DURATION_MS = 25_000
const RATE = 600

// The long runs are `make chaos`; this one shows that the suite itself works, on another seed every time.
test('a short run of faults loses, repeats and misorders nothing', { timeout: 480_000 }, async () => {
  const seed = chaosSeed('short chaos')
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-chaos-'))
  const lines: string[] = []
  const say = (line: string) => void lines.push(line)
  const report = await runChaos({ seed, durationMs: DURATION_MS, setup: setupOf('short', RATE, false), folder, say })
  const problems = problemsOf(report)
  // A failed run's folder stays: it explains the failure.
  if (problems.length === 0) await rm(folder, { recursive: true, force: true })
  expect(problems, `${lines.join('\n')}\n${summaryOf(report)}`).toEqual([])
  expect(report.faults.done).toBeGreaterThan(3)
  expect(report.events.acknowledged).toBeGreaterThan(100)
})
