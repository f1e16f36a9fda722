import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readmeOf } from './readme.ts'
import { readValues } from './values.ts'

const FOLDER = join(import.meta.dirname, '../../charts/landbridge')

/** File name to content of what is made from the chart's values. */
export function chartFiles(): ReadonlyMap<string, string> {
  const { schema, values } = readValues(readFileSync(join(FOLDER, 'values.yaml'), 'utf8'))
  return new Map([
    [join(FOLDER, 'values.schema.json'), `${JSON.stringify(schema, undefined, 2)}\n`],
    [join(FOLDER, 'README.md'), readmeOf(values)],
  ])
}

if (import.meta.main) {
  const check = process.argv.includes('--check')
  for (const [file, text] of chartFiles()) {
    if (!check) writeFileSync(file, text)
    else if (readFileSync(file, 'utf8') !== text) {
      console.error(`${file} is not what values.yaml says: run make generate`)
      process.exitCode = 1
    }
  }
}
