import { spawnSync } from 'node:child_process'

const DONE = 'LANDBRIDGE_PRIVATE_MOUNTS'

/**
 * Runs this program once more where its mounts are its own, so that nothing stays mounted however it ends. Returns the
 * exit status of that run; 'here' when this is that run; 'impossible' where it cannot be had (it takes Linux and root).
 */
export function withPrivateMounts(): number | 'here' | 'impossible' {
  if (process.env[DONE] === '1') return 'here'
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'impossible'
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) return 'impossible'
  const words = ['--mount', '--', process.execPath, ...process.argv.slice(1)]
  const { status } = spawnSync('unshare', words, { stdio: 'inherit', env: { ...process.env, [DONE]: '1' } })
  return status ?? 1
}
