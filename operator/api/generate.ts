import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
import { crdOf, RESOURCES } from './index.ts'

/** File name to content of everything that is made from the resource definitions. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const folder = join(import.meta.dirname, '../../charts/landbridge/crds')
  return new Map(
    RESOURCES.map((resource) => [
      join(folder, `${resource.type.plural}.yaml`),
      `# Generated from operator/api by \`make generate\`.\n${stringify(crdOf(resource), { lineWidth: 120, aliasDuplicateObjects: false })}`,
    ]),
  )
}

if (import.meta.main) {
  const check = process.argv.includes('--check')
  const stale: string[] = []
  for (const [file, text] of generatedFiles()) {
    if (check) {
      if (readOrEmpty(file) !== text) stale.push(file)
      continue
    }
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  if (stale.length > 0) {
    console.error(`generated files are not current, run "make generate":\n${stale.join('\n')}`)
    process.exitCode = 1
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
