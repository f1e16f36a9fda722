import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { createProgram } from '../program.ts'
import { ran, testContext } from '../testing/test-context.ts'
import { completionTree } from './tree.ts'

/** What bash offers after these words; the last one is being typed. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await ran(['completion', 'bash'])
  const script = `${stdout}
COMP_WORDS=(landbridge "$@"); COMP_CWORD=$#
_landbridge
printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' })
    .split('\n')
    .filter(Boolean)
}

test('bash completes commands, options and values', async () => {
  expect(await offered('to')).toEqual(['topics', 'token'])
  expect(await offered('token', '')).toEqual(expect.arrayContaining(['inspect', 'sign', 'jwks']))
  expect(await offered('token', 'sign', '--su')).toEqual(['--sub'])
  expect(await offered('peers', '--endp')).toEqual(['--endpoints'])
  expect(await offered('peers', '-o', '')).toEqual(['table', 'json'])
  expect(await offered('-o', 'json', 'certs', 'is')).toEqual(['issue'])
  expect(await offered('completion', 'z')).toEqual(['zsh'])
  expect(await offered('apply', '-f', `${import.meta.dirname}/tre`)).toEqual([`${import.meta.dirname}/tree.ts`])
  expect(await offered('topics', '--region', '')).toEqual([])
})

test('the scripts of all shells know every command and option', async () => {
  const tree = completionTree(createProgram(testContext()))
  const flags = tree.flatMap((node) => node.options.flatMap((option) => option.flags))
  const names = tree.flatMap((node) => node.commands.map((command) => command.name))
  expect(names).toEqual(expect.arrayContaining(['publish', 'subscribe', 'get', 'issue']))
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await ran(['completion', shell])
    for (const name of names) expect(stdout).toContain(name)
    for (const flag of flags.filter((text) => text.startsWith('--'))) {
      expect(stdout).toContain(shell === 'fish' ? `-l ${flag.slice(2)}` : flag)
    }
  }
})

test('quotes in descriptions are escaped', async () => {
  const description = "the authority's certificate"
  const { stdout: zsh } = await ran(['completion', 'zsh'])
  expect(zsh).toContain(description.replace("'", "'\\''"))
  const { stdout: fish } = await ran(['completion', 'fish'])
  expect(fish).toContain(description.replace("'", "\\'"))
})
