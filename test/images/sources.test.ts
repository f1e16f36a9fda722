import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sourcesOf } from '../../scripts/images/sources.ts'

/** A project with a file that git knows, one that it does not know, and one that it is told to ignore. */
function openProject() {
  const root = mkdtempSync(join(tmpdir(), 'landbridge-sources-'))
  const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: root, stdio: 'ignore' })
  for (const folder of ['core', 'other']) mkdirSync(join(root, folder))
  for (const name of ['core/known.ts', 'core/new.ts', 'core/secret.env', 'other/known.ts']) {
    writeFileSync(join(root, name), name)
  }
  writeFileSync(join(root, '.gitignore'), '*.env\n')
  return { root, git, [Symbol.dispose]: () => rmSync(root, { recursive: true }) }
}

test('only what git knows gets into an image, and whoever builds hears of the rest', () => {
  using project = openProject()
  project.git('init')
  project.git('add', 'core/known.ts', 'other/known.ts')
  expect(sourcesOf(project.root, ['core'])).toEqual({
    paths: ['core/known.ts'],
    note: 'git does not know core/new.ts: left out',
  })
  project.git('add', 'core/new.ts')
  expect(sourcesOf(project.root, ['core'])).toEqual({ paths: ['core/known.ts', 'core/new.ts'], note: '' })
  rmSync(join(project.root, 'core/known.ts'))
  expect(sourcesOf(project.root, ['core']).paths).toEqual(['core/new.ts'])
})

test('without git everything gets in, and whoever builds hears of that', () => {
  using project = openProject()
  const { paths, note } = sourcesOf(project.root, ['core'])
  expect(paths.toSorted()).toEqual(['core/known.ts', 'core/new.ts', 'core/secret.env'])
  expect(note).toContain('is no checkout of git')
})

test("another project's git that it lies in says nothing about it", () => {
  using project = openProject()
  project.git('init')
  const inside = join(project.root, 'unpacked')
  mkdirSync(join(inside, 'core'), { recursive: true })
  writeFileSync(join(inside, 'core/known.ts'), '')
  expect(sourcesOf(inside, ['core'])).toMatchObject({
    paths: ['core/known.ts'],
    note: expect.stringContaining('no checkout'),
  })
})
