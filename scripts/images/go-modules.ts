import { spawnSync } from 'node:child_process'
import type { Component } from './sbom.ts'

/**
 * What a Go program was built from: the standard library and its modules, as the program itself says.
 * @throws Error when there is no Go to ask
 */
export function goModules(program: string): readonly Component[] {
  const { stdout, status, error } = spawnSync('go', ['version', '-m', program], { encoding: 'utf8' })
  if (status !== 0) {
    throw new Error(
      `images: go version -m ${program}: ${error?.message ?? 'failed'}, wanted Go on PATH to name the modules`,
    )
  }
  return readModules(stdout)
}

/** Reads the answer of `go version -m`. A module that is replaced counts as what replaces it. */
export function readModules(text: string): readonly Component[] {
  const [first = '', ...lines] = text.split('\n')
  const go = /: go(\S+)/.exec(first)?.[1] ?? ''
  const modules = lines.flatMap((line) => {
    const [kind, name = '', version = ''] = line.trim().split('\t')
    return kind === 'mod' || kind === 'dep' || kind === '=>' ? [{ kind, name, version }] : []
  })
  return [
    moduleOf('stdlib', go),
    ...modules
      .filter((_, index) => modules[index + 1]?.kind !== '=>')
      .map(({ name, version }) => moduleOf(name, version)),
  ]
}

function moduleOf(name: string, version: string): Component {
  return { name, version, license: '', purl: `pkg:golang/${name}@${version}` }
}
