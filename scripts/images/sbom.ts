import type { ProductionPackage } from './production-files.ts'

/** What an image is made of, beside its npm packages. */
export type Component = { readonly name: string; readonly version: string; readonly license: string }

/** A software bill of materials in CycloneDX 1.6 JSON; the same contents make the same bytes. */
export function sbomOf(image: Component, packages: readonly ProductionPackage[], others: readonly Component[]): string {
  const component = ({ name, version, license }: Component, purl: string) => ({
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    ...(license === '' ? {} : { licenses: [{ expression: license }] }),
  })
  const bom = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'container', name: image.name, version: image.version } },
    components: [
      ...others.map((other) => component(other, `pkg:generic/${other.name}@${other.version}`)),
      ...unique(packages).map((npm) => component(npm, `pkg:npm/${npm.name.replace('@', '%40')}@${npm.version}`)),
    ],
  }
  return `${JSON.stringify(bom, undefined, 2)}\n`
}

function unique(packages: readonly ProductionPackage[]): readonly ProductionPackage[] {
  const byName = new Map(packages.map((npm) => [`${npm.name}@${npm.version}`, npm]))
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}
