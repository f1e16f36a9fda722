import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Archive, readArchive } from './archive.ts'

const BUILD = join(import.meta.dirname, '../../scripts/images/main.ts')
/** A third of a minute on two cores. */
const MINUTES = 10 * 60_000
const MEBIBYTE = 1024 ** 2
const SHELLS = ['sh', 'ash', 'bash', 'dash', 'zsh', 'ksh', 'busybox']

type Component = {
  readonly name: string
  readonly version?: string
  readonly purl?: string
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[]
}
type Build = Readonly<Record<'landbridge' | 'nats', { readonly image: Archive; readonly bom: readonly Component[] }>>

const folders: string[] = []
let first: Build
let second: Build

/** `make images` into a folder of its own. */
async function build(): Promise<Build> {
  const folder = mkdtempSync(join(tmpdir(), 'landbridge-images-'))
  folders.push(folder)
  await promisify(execFile)(process.execPath, [BUILD, '--out', folder])
  const read = async (name: string) => {
    const file = (end: string) =>
      join(folder, readdirSync(folder).find((it) => it.startsWith(name) && it.endsWith(end)) ?? '')
    return {
      image: await readArchive(file('.tar')),
      bom: JSON.parse(readFileSync(file('.cdx.json'), 'utf8')).components,
    }
  }
  return { landbridge: await read('landbridge-'), nats: await read('nats-') }
}

beforeAll(async () => {
  ;[first, second] = await Promise.all([build(), build()])
}, MINUTES)

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

const IMAGES = ['landbridge', 'nats'] as const

test.for(IMAGES)('%s: two builds make the same image, and the same bill of materials', (name) => {
  expect(second[name].image.digest).toBe(first[name].image.digest)
  expect(second[name].bom).toEqual(first[name].bom)
})

test.for(IMAGES)('%s: runs as nobody in particular, and has no shell', (name) => {
  const { config, files } = first[name].image
  expect(config.User).toBe('65532:65532')
  expect(files.has(config.Entrypoint[0]?.slice(1) ?? '')).toBe(true)
  expect([...files.keys()].filter((path) => SHELLS.includes(basename(path)))).toEqual([])
})

test('what only tests and people read stays out', () => {
  const paths = [...first.landbridge.image.files.keys()].filter((path) => path.startsWith('app/'))
  expect(paths).toContain('app/gateway/main.ts')
  expect(paths).toContain('app/operator/main.ts')
  expect(paths.filter((path) => /\/(testdata|tests?|docs)\/|\.(test\.ts|d\.ts|map)$/.test(path))).toEqual([])
})

test('the images stay small', () => {
  expect(first.landbridge.image.bytes).toBeLessThan(64 * MEBIBYTE)
  expect(first.nats.image.bytes).toBeLessThan(16 * MEBIBYTE)
})

test('the bill of materials names every library of the runtime by its content', () => {
  const { image, bom } = first.landbridge
  const hashes = new Map(bom.flatMap(({ name, hashes = [] }) => hashes.map(({ content }) => [name, content] as const)))
  const libraries = [...image.files].filter(([path]) => /^(usr\/)?lib/.test(path))
  expect(libraries.map(([path]) => basename(path))).toContain('libc.so.6')
  expect(libraries.some(([path]) => basename(path).startsWith('ld-linux'))).toBe(true)
  for (const [path, content] of [
    ...libraries,
    ['node', image.files.get('usr/local/bin/node') ?? Buffer.of()] as const,
  ]) {
    expect(hashes.get(basename(path)), path).toBe(createHash('sha256').update(content).digest('hex'))
  }
  expect(bom.filter(({ purl }) => purl?.startsWith('pkg:npm/')).length).toBeGreaterThan(20)
})

test('the bill of materials of NATS names its Go modules', () => {
  const { bom } = first.nats
  const purls = bom.map(({ purl }) => purl)
  expect(purls).toContainEqual(expect.stringMatching(/^pkg:golang\/stdlib@1\./))
  expect(purls).toContainEqual(expect.stringMatching(/^pkg:golang\/github\.com\/nats-io\/nats-server\/v2@v2\./))
  expect(purls).toContainEqual(expect.stringMatching(/^pkg:golang\/github\.com\/nats-io\/nkeys@v/))
  expect(bom[0]).toMatchObject({ name: 'nats-server', hashes: [{ alg: 'SHA-256' }] })
})
