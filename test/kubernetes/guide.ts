// Runs docs/kubernetes.md: every block of shell in it, as it stands there, one after the other in one shell. Wants KUBECONFIG set.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { ensureTool } from '../../scripts/tool.mjs'

const ROOT = join(import.meta.dirname, '../..')
const GUIDE = join(ROOT, 'docs/kubernetes.md')

const blocks = [...readFileSync(GUIDE, 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)
if (blocks.length < 5) throw new Error(`run ${GUIDE}: it has ${blocks.length} blocks of shell, wanted at least 5`)

const folder = mkdtempSync(join(tmpdir(), 'landbridge-guide-'))
try {
  for (const tool of ['helm', 'kubectl'] as const) symlinkSync(await ensureTool(tool), join(folder, tool))
  const path = [folder, join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter)
  const begin = performance.now()
  const shell = spawn('bash', ['-euxo', 'pipefail', '-c', blocks.join('\n')], {
    cwd: ROOT,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code] = await once(shell, 'exit')
  console.log(
    `guide: ${code === 0 ? 'every command went well' : `FAILED (${code})`}, ${Math.round((performance.now() - begin) / 1_000)} s`,
  )
  process.exitCode = code ?? 1
} finally {
  rmSync(folder, { recursive: true })
}
