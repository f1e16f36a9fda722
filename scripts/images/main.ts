import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { ensureTool, tools } from '../tool.mjs'
import { writeArchive } from './archive.ts'
import { goModules } from './go-modules.ts'
import { layerOf } from './layer.ts'
import { libraryComponents, programFiles, SYSTEM_FILES } from './libraries.ts'
import { filesBelow, type ImageFile, imageFiles, productionPackages } from './production-files.ts'
import { sbomOf } from './sbom.ts'
import { sourcesOf } from './sources.ts'

const ROOT = join(import.meta.dirname, '../..')
const APP = 'app'
/** Workspaces that run in the cluster: gateway and operator, the command for `helm test`, and what they import. */
const WORKSPACES = ['proto', 'core', 'nats', 'service', 'gateway', 'client', 'operator']
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

const HELP = `Usage: node scripts/images/main.ts [--out FOLDER]

Writes container images as OCI archives, without a container engine, and a bill of materials beside each:
  landbridge-<version>.tar   gateway, operator and command
  nats-<version>.tar         nats-server alone, for clusters without a registry
Load them with \`docker load -i\`, \`ctr -n k8s.io images import\`, or push them with \`crane push\`.
`

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP)
    return 0
  }
  const out = args[0] === '--out' && args[1] !== undefined ? args[1] : join(ROOT, 'dist/images')
  if (args.length > 0 && args[0] !== '--out') {
    process.stderr.write(`images: got ${args.join(' ')}, wanted --out FOLDER or --help\n`)
    return 2
  }
  const architecture = ARCHITECTURES[process.arch]
  if (process.platform !== 'linux' || architecture === undefined) {
    process.stderr.write(`images: this is ${process.platform}/${process.arch}, wanted Linux on x64 or arm64\n`)
    return 1
  }
  mkdirSync(out, { recursive: true })
  await writeLandbridge(out, architecture)
  await writeNats(out, architecture)
  return 0
}

async function writeLandbridge(out: string, architecture: string): Promise<void> {
  const { version }: { readonly version: string } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const packages = productionPackages(ROOT, WORKSPACES)
  const node = join(ROOT, `node_modules/node-linux-${process.arch}/bin/node`)
  const [program, ...shared] = programFiles(node, 'usr/local/bin/node')
  if (program === undefined) throw new Error(`images: ${node} has no files`)
  const runtime = await layerOf([program, ...shared, ...SYSTEM_FILES])
  const installed = packages.flatMap(({ folder }) => filesBelow(ROOT, folder))
  const libraries = await layerOf(imageFiles(ROOT, installed, APP))
  const { paths, note } = sourcesOf(ROOT, WORKSPACES)
  if (note !== '') process.stderr.write(`images: ${note}\n`)
  const sources: ImageFile[] = [...imageFiles(ROOT, paths, APP)]
  sources.push({ path: `${APP}/package.json`, content: Buffer.from('{"type":"module"}\n'), mode: 0o644 })
  const links = WORKSPACES.map((folder) => ({
    path: `${APP}/node_modules/@landbridge/${folder}`,
    target: `../../${folder}`,
  }))
  const nodeVersion = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1)
  await write(join(out, `landbridge-${version}`), {
    reference: `landbridge:${version}`,
    layers: [runtime, libraries, await layerOf(sources, links)],
    entrypoint: ['/usr/local/bin/node'],
    workingDir: `/${APP}`,
    labels: labelsOf('landbridge', version, 'Apache-2.0'),
    architecture,
    sbom: sbomOf({ name: 'landbridge', version }, packages, [
      { name: 'node', version: nodeVersion, license: 'MIT', content: program.content },
      ...libraryComponents(shared),
    ]),
  })
}

async function writeNats(out: string, architecture: string): Promise<void> {
  const version = tools['nats-server']?.version ?? ''
  const server = await ensureTool('nats-server')
  const program = readFileSync(server)
  const files: ImageFile[] = [{ path: 'nats-server', content: program, mode: 0o755 }, ...SYSTEM_FILES]
  await write(join(out, `nats-${version}`), {
    reference: `nats:${version}-scratch`,
    layers: [await layerOf(files)],
    entrypoint: ['/nats-server'],
    workingDir: '/',
    labels: labelsOf('nats', version, 'Apache-2.0'),
    architecture,
    sbom: sbomOf(
      { name: 'nats', version },
      [],
      [{ name: 'nats-server', version, license: 'Apache-2.0', content: program }, ...goModules(server)],
    ),
  })
}

type Writing = Parameters<typeof writeArchive>[1] & { readonly sbom: string }

async function write(base: string, { sbom, ...image }: Writing): Promise<void> {
  const digest = await writeArchive(`${base}.tar`, image)
  writeFileSync(`${base}.cdx.json`, sbom)
  const unpacked = image.layers.reduce((sum, { tarBytes }) => sum + tarBytes, 0)
  const file = relative(process.cwd(), `${base}.tar`)
  console.log(`${image.reference}  ${digest}`)
  console.log(`  ${file}  ${mebibytes(statSync(`${base}.tar`).size)} to download, ${mebibytes(unpacked)} unpacked`)
}

function labelsOf(title: string, version: string, licenses: string): Readonly<Record<string, string>> {
  const prefix = 'org.opencontainers.image'
  return { [`${prefix}.title`]: title, [`${prefix}.version`]: version, [`${prefix}.licenses`]: licenses }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`
}
