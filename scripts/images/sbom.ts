import { sha256 } from './layer.ts'
import type { ProductionPackage } from './production-files.ts'

/** What an image is made of, beside its npm packages. */
export type Component = {
  readonly name: string
  /** Empty when it is not known. */
  readonly version: string
  /** SPDX expression; empty when it is not known. */
  readonly license: string
  /** Package URL (default: a generic one, when the version is known). */
  readonly purl?: string
  /** The file that it is, for its SHA-256. */
  readonly content?: Buffer
}

/** A software bill of materials in CycloneDX 1.6 JSON; the same contents make the same bytes. */
export function sbomOf(
  image: Pick<Component, 'name' | 'version'>,
  packages: readonly ProductionPackage[],
  others: readonly Component[],
): string {
  const bom = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'container', name: image.name, version: image.version } },
    components: [
      ...others.map(componentOf),
      ...unique(packages).map(({ name, version, license }) =>
        componentOf({ name, version, license, purl: `pkg:npm/${name.replace('@', '%40')}@${version}` }),
      ),
    ],
  }
  return `${JSON.stringify(bom, undefined, 2)}\n`
}

function componentOf({ name, version, license, purl, content }: Component): object {
  const reference = purl ?? (version === '' ? undefined : `pkg:generic/${name}@${version}`)
  return {
    type: 'library',
    // Of one Debian package there may be several files.
    'bom-ref': content === undefined ? (reference ?? name) : `${reference ?? name}#${name}`,
    name,
    ...(version === '' ? {} : { version }),
    ...(reference === undefined ? {} : { purl: reference }),
    ...(license === '' ? {} : { licenses: [{ expression: license }] }),
    ...(content === undefined ? {} : { hashes: [{ alg: 'SHA-256', content: sha256(content) }] }),
  }
}

function unique(packages: readonly ProductionPackage[]): readonly ProductionPackage[] {
  const byName = new Map(packages.map((npm) => [`${npm.name}@${npm.version}`, npm]))
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}
