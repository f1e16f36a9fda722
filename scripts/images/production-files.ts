import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A file of an image: where it goes, and what is in it. */
export type ImageFile = {
  /** Absolute path in the image, without the first slash. */
  readonly path: string
  readonly content: Buffer
  readonly mode: number
}

/** An entry of package-lock.json's `packages`. */
type LockEntry = {
  readonly name?: string
  readonly version?: string
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly link?: boolean
}

/** An npm package that goes into an image. */
export type ProductionPackage = {
  readonly name: string
  readonly version: string
  readonly license: string
  /** "node_modules/undici", below the root. */
  readonly folder: string
}

/** What Node runs without: types, maps, tests with their data, and texts for people (licences stay). */
const UNUSED =
  /(\.d\.[cm]?ts|\.map|\.md|\.markdown|\.test\.ts|\.tsbuildinfo)$|\/(test|tests|testing|testdata|__tests__|docs|example|examples|\.github)\//i
const LICENCE = /\/(licen[cs]e|notice|copying)[^/]*$/i

/**
 * The npm packages that these workspaces need at run time, as package-lock.json pins them: what a workspace depends on,
 * and so on. Packages that hold Node itself are left out.
 * @throws Error when one is not installed
 */
export function productionPackages(root: string, workspaces: readonly string[]): readonly ProductionPackage[] {
  const lock: { readonly packages: Readonly<Record<string, LockEntry>> } = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  )
  const found = new Map<string, ProductionPackage>()
  const todo = workspaces.map((folder) => folder)
  const seen = new Set(todo)
  for (let folder = todo.pop(); folder !== undefined; folder = todo.pop()) {
    const entry = lock.packages[folder]
    if (entry === undefined) throw new Error(`images: ${folder} is not in package-lock.json, wanted it to be`)
    for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
      const target = resolve(lock.packages, folder, name)
      if (target === undefined || lock.packages[target]?.link === true || seen.has(target)) continue
      seen.add(target)
      todo.push(target)
      const { version = '', license = '' } = lock.packages[target] ?? {}
      if (!existsSync(join(root, target))) {
        if (entry.optionalDependencies?.[name] !== undefined) continue
        throw new Error(`images: ${target} is not installed, wanted \`npm ci\` to have run`)
      }
      found.set(target, { name, version, license, folder: target })
    }
  }
  return [...found.values()].sort((a, b) => (a.folder < b.folder ? -1 : 1))
}

/** The lock's key of the package that `name` means to a package in `folder`: the nearest one up the tree. */
function resolve(packages: Readonly<Record<string, LockEntry>>, folder: string, name: string): string | undefined {
  const parts = folder.split('/')
  for (let depth = parts.length; depth >= 0; depth--) {
    const key = [...parts.slice(0, depth), 'node_modules', name].join('/')
    if (packages[key] !== undefined) return key
  }
  return undefined
}

/** Those of these files below `root` that are needed at run time, as they go into the image below `into`. */
export function imageFiles(root: string, paths: readonly string[], into: string): readonly ImageFile[] {
  return paths
    .filter((path) => !UNUSED.test(`/${path}`) || LICENCE.test(path))
    .map((path) => {
      const executable = (statSync(join(root, path)).mode & 0o100) !== 0
      return { path: `${into}/${path}`, content: readFileSync(join(root, path)), mode: executable ? 0o755 : 0o644 }
    })
}

/** Every file below a folder of `root`, whoever put it there. */
export function filesBelow(root: string, folder: string): readonly string[] {
  const files: string[] = []
  const todo = [folder]
  for (let current = todo.pop(); current !== undefined; current = todo.pop()) {
    for (const entry of readdirSync(join(root, current), { withFileTypes: true })) {
      const path = `${current}/${entry.name}`
      // A package's own packages are in the list by themselves.
      if (entry.isDirectory() && entry.name !== 'node_modules') todo.push(path)
      if (entry.isFile()) files.push(path)
    }
  }
  return files
}
