import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'

/**
 * What each top folder may import besides its own files. A workspace name stands for that package's only door;
 * `node:` stands for every built-in module. Imports point one way: a cycle between folders cannot be written down here.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  proto: ['@bufbuild/protobuf'],
  // Pure: of the built-in modules only those that compute. The clock and randomness come in as arguments.
  core: [
    '@landbridge/proto',
    '@bufbuild/protobuf',
    '@marcbachmann/cel-js',
    'yaml',
    'node:buffer',
    'node:crypto',
    'node:util',
  ],
  nats: ['@landbridge/core', '@nats-io/', 'node:'],
  service: ['@opentelemetry/', 'pino', 'prom-client', 'node:'],
  operator: [
    '@landbridge/client/certs',
    '@landbridge/core',
    '@landbridge/nats',
    '@landbridge/service',
    '@kubernetes/client-node',
    '@opentelemetry/api',
    'prom-client',
    'undici',
    'yaml',
    'node:',
  ],
  gateway: [
    '@landbridge/core',
    '@landbridge/nats',
    '@landbridge/proto',
    '@landbridge/service',
    '@bufbuild/protobuf',
    '@grpc/',
    'grpc-health-check',
    '@opentelemetry/api',
    'jose',
    'opossum',
    'prom-client',
    'node:',
  ],
  client: [
    '@landbridge/core',
    '@landbridge/proto',
    '@bufbuild/protobuf',
    '@grpc/grpc-js',
    '@peculiar/x509',
    'commander',
    'jose',
    'reflect-metadata',
    'yaml',
    'node:',
  ],
  lab: [
    '@landbridge/core',
    '@landbridge/client',
    '@landbridge/nats',
    // The API server of tests and benchmarks has the operator's resource definitions.
    '@landbridge/operator',
    '@octokit/webhooks-examples',
    '@peculiar/x509',
    'jose',
    'reflect-metadata',
    'toxiproxy-node-client',
    // Runs before any package is installed, so it is no workspace.
    'scripts/tool.mjs',
    'node:',
  ],
  // Benchmarks compare with the NATS client itself, so they use it.
  load: ['@landbridge/', '@nats-io/', '@bufbuild/protobuf', '@grpc/grpc-js', 'k6', 'node:'],
  test: [
    '@landbridge/',
    '@nats-io/',
    '@bufbuild/protobuf',
    '@grpc/',
    '@peculiar/x509',
    'jose',
    'tar-stream',
    'yaml',
    'node:',
  ],
  scripts: ['tar-stream', 'yaml', 'node:'],
}
const testOnly = [
  'vitest',
  'fast-check',
  '@landbridge/proto',
  '@bufbuild/protobuf',
  '@nats-io/',
  '@grpc/grpc-js',
  'node:',
]

/**
 * Problems with the imports of one source file, one line each.
 *
 * 1. A package must be in the folder's list above; tests may use the test libraries too.
 * 2. Another top folder is reached by its package name, never by a path.
 * 3. Inside a top folder, a subfolder that has an `index.ts` is reached through it alone, from outside of it.
 */
export function boundaryProblems(file: string, source: string, doors: ReadonlySet<string>): string[] {
  const folder = file.split(sep)[0] ?? ''
  const list = [...(allowed[folder] ?? []), ...(isTestCode(file) ? testOnly : [])]
  return importsOf(source).flatMap((target) => {
    if (!target.startsWith('.')) {
      const ok = list.some((name) => target === name || target.startsWith(/[:/]$/.test(name) ? name : `${name}/`))
      return ok ? [] : [`${file}: imports ${target}, which ${folder}/ may not`]
    }
    const path = join(dirname(file), target)
    if (list.includes(path)) return []
    // Tests on real servers may drive a part that is nobody else's business.
    if (folder === 'test') return []
    if (path.split(sep)[0] !== folder) return [`${file}: reaches into ${path}, wanted the package's own door`]
    const closed = doorBetween(file, path, doors)
    return closed === undefined ? [] : [`${file}: imports ${path}, wanted ${join(closed, 'index.ts')}`]
  })
}

/** Tests, what they share, and everything below test/. */
function isTestCode(file: string): boolean {
  return /\.test\.ts$|^test\/|\/testing\//.test(file)
}

/** The outermost folder with a door that holds `path` but not `file`, unless `path` is that door. */
function doorBetween(file: string, path: string, doors: ReadonlySet<string>): string | undefined {
  const parts = path.split(sep)
  for (let depth = 2; depth < parts.length; depth++) {
    const folder = parts.slice(0, depth).join(sep)
    if (!doors.has(folder) || file.startsWith(folder + sep)) continue
    return path === join(folder, 'index.ts') ? undefined : folder
  }
  return undefined
}

function importsOf(source: string): string[] {
  const pattern =
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm
  return [...source.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
}

/** Checks every source file below `root`. */
export function checkBoundaries(root: string): string[] {
  const files = Object.keys(allowed).flatMap((folder) =>
    globSync(`${folder}/**/*.ts`, {
      cwd: root,
      exclude: (name) => /(^|\/)(node_modules|gen)(\/|$)/.test(String(name)),
    }),
  )
  const doors = new Set(files.filter((file) => file.endsWith(`${sep}index.ts`)).map((file) => dirname(file)))
  return files.flatMap((file) => boundaryProblems(relative('', file), readFileSync(join(root, file), 'utf8'), doors))
}
