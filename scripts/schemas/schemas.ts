import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { toolFolder } from '../tool.mjs'
import { type Definition, schemasOfDefinition, schemasOfSwagger } from './convert.ts'
import { type SchemaSource, SOURCES } from './sources.ts'

/**
 * The folder with JSON schemas of all Kubernetes kinds that the chart can render, for kubeconform: from the user's
 * cache, else made from pinned Go modules, which the module proxy serves.
 * @throws Error without Go, without the modules, or when one is not what is pinned
 */
export async function ensureSchemas(): Promise<string> {
  const folder = join(dirname(toolFolder()), 'schemas', await identity())
  if (await exists(folder)) return folder
  await mkdir(dirname(folder), { recursive: true })
  // Beside its final place, so that the rename stays inside one file system.
  const making = await mkdtemp(`${folder}.making-`)
  try {
    for (const source of SOURCES) {
      for (const [file, schema] of await schemasOf(source)) {
        await writeFile(join(making, file), JSON.stringify(schema))
      }
    }
    await rename(making, folder).catch(async (error: unknown) => {
      // Somebody else was faster with the same.
      if (!(await exists(folder))) throw error
    })
    return folder
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}

/** Changes with the sources and with how they are converted. */
async function identity(): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(SOURCES))
  hash.update(await readFile(join(import.meta.dirname, 'convert.ts')))
  return hash.digest('hex').slice(0, 16)
}

async function schemasOf(source: SchemaSource): Promise<ReadonlyMap<string, unknown>> {
  const folder = await download(source)
  const schemas = new Map<string, unknown>()
  for (const file of source.files) {
    const text = await readFile(join(folder, file), 'utf8')
    const some = file.endsWith('.json')
      ? schemasOfSwagger(JSON.parse(text))
      : schemasOfDefinition(parse(text) as Definition)
    for (const [name, schema] of some) schemas.set(name, schema)
  }
  return schemas
}

/** Returns the module's folder in Go's module cache. */
async function download({ module, version, sum }: SchemaSource): Promise<string> {
  const action = `download ${module}@${version}`
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', `${module}@${version}`], {
    // Away from the repository: no module or workspace of ours.
    cwd: tmpdir(),
    env: { ...process.env, GOWORK: 'off' },
    maxBuffer: 1024 ** 2,
  }).catch((cause: unknown) => {
    throw new Error(`${action}: failed, wanted Go 1.26 or newer on PATH and its module proxy in reach`, { cause })
  })
  const { Dir: folder, Sum: found }: { readonly Dir: string; readonly Sum: string } = JSON.parse(stdout)
  if (found !== sum) throw new Error(`${action}: its checksum is ${found}, wanted ${sum}`)
  return folder
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
