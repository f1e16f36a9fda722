import { execFile, type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { ensureTool } from '../../scripts/tool.mjs'

export const CHART = join(import.meta.dirname, '../../charts/landbridge')
/** A chart of before, as a package: see testdata/README.md. */
export const OLDER_CHART = join(import.meta.dirname, 'testdata/landbridge-0.1.0-a8bfac7.tgz')
/** What tests render: `helm template lb --namespace mesh`. */
export const RELEASE = 'lb'
export const NAMESPACE = 'mesh'

const helm = await ensureTool('helm')

/** A values file as data. */
export type Values = Readonly<Record<string, unknown>>

/** An object that the chart renders. */
export type Manifest = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec?: unknown
  readonly data?: Readonly<Record<string, string>>
  readonly rules?: unknown
}

/** The least that the chart asks for. */
export const MINIMAL: Values = { region: 'us-east' }

/** Options of `helm template` beyond the values. */
export type RenderOptions = {
  readonly release?: string
  /** Folder or package (default: the working chart). */
  readonly chart?: string
  readonly arguments?: readonly string[]
}

/** The YAML text of `helm template`. @throws Error with what helm says when it refuses */
export function renderText(values: Values = {}, options: RenderOptions = {}): string {
  const result = template(values, options)
  if (result.status !== 0) throw new Error(result.stderr)
  return result.stdout
}

/** The objects that the chart makes of these values, beside a region's name. @throws Error when helm refuses */
export function render(values: Values = {}, options: RenderOptions = {}): readonly Manifest[] {
  return parseAllDocuments(renderText({ ...MINIMAL, ...values }, options))
    .map((document) => {
      for (const problem of [...document.errors, ...document.warnings]) throw problem
      return document.toJS() as Manifest | null
    })
    .filter((manifest) => manifest !== null)
}

/** Why helm refuses these values; empty when it does not. */
export function refusal(values: Values): string {
  return template(values, {}).stderr
}

/** What was rendered already: many tests look at the same few values. */
const rendered = new Map<string, SpawnSyncReturns<string>>()

function template(values: Values, options: RenderOptions): SpawnSyncReturns<string> {
  const { release = RELEASE, chart = CHART, arguments: more = [] } = options
  const key = JSON.stringify([values, release, chart, more])
  const result =
    rendered.get(key) ??
    withValues(values, (file) =>
      runHelm(['template', release, chart, '--namespace', NAMESPACE, '--values', file, ...more]),
    )
  rendered.set(key, result)
  return result
}

/** `helm lint --strict`. */
export function lint(values: Values): SpawnSyncReturns<string> {
  return withValues(values, (file) => runHelm(['lint', '--strict', CHART, '--values', file]))
}

/** Runs helm as it is. */
export function runHelm(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): SpawnSyncReturns<string> {
  return spawnSync(helm, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
    env: { ...process.env, ...environment },
  })
}

/**
 * Runs a command of helm in a cluster, without keeping this process from its own work: "install", "upgrade" with these
 * values, "uninstall".
 */
export async function helmOn(
  kubeconfig: string,
  command: readonly string[],
  values: Values,
): Promise<{ readonly status: number; readonly stderr: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-chart-'))
  try {
    const file = join(folder, 'values.json')
    await writeFile(file, JSON.stringify(values))
    const given = command[0] === 'uninstall' ? [] : ['--values', file]
    const args = [...command, '--kubeconfig', kubeconfig, '--namespace', NAMESPACE, '--timeout', '9m', ...given]
    return await promisify(execFile)(helm, args, { timeout: 600_000 }).then(
      ({ stderr }) => ({ status: 0, stderr }),
      (error: { readonly code: number | null; readonly stderr: string }) => ({
        status: error.code ?? 1,
        stderr: error.stderr,
      }),
    )
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Calls `work` with a file of these values. */
export function withValues<T>(values: Values, work: (file: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'landbridge-chart-'))
  try {
    const file = join(folder, 'values.json')
    writeFileSync(file, JSON.stringify(values))
    return work(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The one object of this kind, and of this name when several share the kind. @throws Error unless there is one */
export function one(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter((it) => it.kind === kind && (name === undefined || it.metadata.name === name))
  const [first] = found
  if (first === undefined || found.length > 1) {
    const all = manifests.map((it) => `${it.kind}/${it.metadata.name}`).join(', ')
    throw new Error(`${kind} ${name ?? ''}: there are ${found.length} of ${all}, wanted one`)
  }
  return first
}

/** "Kind/name" of all, sorted. */
export function namesOf(manifests: readonly Manifest[]): readonly string[] {
  return manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort()
}
