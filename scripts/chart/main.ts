import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DASHBOARDS, grafanaOf } from './dashboards/index.ts'
import { readmeOf } from './readme.ts'
import { readValues } from './values.ts'

const FOLDER = join(import.meta.dirname, '../../charts/landbridge')

/** File name to content of what is made from the chart's values, and of its dashboards. */
export function chartFiles(): ReadonlyMap<string, string> {
  const { schema, values } = readValues(readFileSync(join(FOLDER, 'values.yaml'), 'utf8'))
  return new Map([
    [join(FOLDER, 'values.schema.json'), `${JSON.stringify(schema, undefined, 2)}\n`],
    [join(FOLDER, 'README.md'), readmeOf(values)],
    ...DASHBOARDS.map((dashboard): [string, string] => [
      join(FOLDER, `monitoring/dashboards/${dashboard.name}.json`),
      `${JSON.stringify(grafanaOf(dashboard), undefined, 2)}\n`,
    ]),
  ])
}

if (import.meta.main) {
  const check = process.argv.includes('--check')
  for (const [file, text] of chartFiles()) {
    if (!check) writeFileSync(file, text)
    else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
      console.error(`${file} is not current: run make generate`)
      process.exitCode = 1
    }
  }
}
