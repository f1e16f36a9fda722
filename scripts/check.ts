import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { checkBoundaries } from './boundaries.ts'

const root = resolve(import.meta.dirname, '..')

/** Each check answers with what is wrong, or with an empty text. */
const checks: Readonly<Record<string, () => string>> = {
  // k6 runs scripts in a world of its own, without Node.
  types: () => run('tsc', ['-p', '.']) || run('tsc', ['-p', 'load/drills/k6']),
  lint: () => run('biome', ['check', '--error-on-warnings', '.']),
  boundaries: () => checkBoundaries(root).join('\n'),
  protocol: () => run('buf', ['lint'], 'proto') || breakingChanges(),
  generated: generatedDiffers,
  duplicates: () =>
    run('jscpd', [
      '--min-lines',
      '10',
      '--min-tokens',
      '80',
      '--exit-code',
      '1',
      '--reporters',
      'console-full',
      ...sources(),
    ]),
}

function sources(): string[] {
  const ignored = '**/node_modules/**,**/gen/**,**/*.test.ts'
  return [
    '--ignore',
    ignored,
    '--format',
    'typescript',
    'core',
    'nats',
    'gateway',
    'client',
    'lab',
    'load',
    'scripts',
    'proto',
  ]
}

function run(command: string, args: readonly string[], folder = '.'): string {
  const result = spawnSync(command, args, { cwd: join(root, folder), encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  if (result.error) return `${command}: ${result.error.message}; wanted the packages of the lock file: run npm ci`
  return result.status === 0 ? '' : `${result.stdout}${result.stderr}` || `${command} ended with ${result.status}`
}

/** A released API is kept: the protocol is compared with the newest release tag, once there is one. */
function breakingChanges(): string {
  const tag = spawnSync('git', ['describe', '--tags', '--abbrev=0', '--match', 'v*'], { cwd: root, encoding: 'utf8' })
  if (tag.status !== 0) return ''
  return run('buf', ['breaking', '--against', `../.git#tag=${tag.stdout.trim()},subdir=proto`], 'proto')
}

function generatedDiffers(): string {
  const folder = mkdtempSync(join(tmpdir(), 'landbridge-generated-'))
  try {
    const problem = run('buf', ['generate', '--output', folder], 'proto')
    if (problem) return problem
    const differences = run('diff', ['-r', 'proto/gen', join(folder, 'gen')])
    if (differences) return `${differences}\nproto/gen is not what proto/ says: run make generate`
    return run('node', ['operator/api/generate.ts', '--check']) || run('node', ['scripts/chart/main.ts', '--check'])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

let failed = 0
for (const [name, check] of Object.entries(checks)) {
  const started = performance.now()
  const problem = check()
  if (problem) failed++
  console.log(`${problem ? 'FAILED' : 'ok    '} ${name.padEnd(10)} ${Math.round(performance.now() - started)} ms`)
  if (problem) console.log(problem)
}
process.exitCode = failed ? 1 : 0
