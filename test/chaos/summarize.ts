import { glob, readFile } from 'node:fs/promises'
import { markdownOf } from './report/markdown.ts'
import type { ChaosReport } from './report/report.ts'

// node test/chaos/summarize.ts <report.json or pattern> ...: several runs as one page on the standard output.
const reports: ChaosReport[] = []
for (const pattern of process.argv.slice(2)) {
  for await (const file of glob(pattern)) reports.push(JSON.parse(await readFile(file, 'utf8')) as ChaosReport)
}
if (reports.length === 0) {
  process.stderr.write('summarize: found no report, wanted paths such as ".state/chaos/*/report.json"\n')
  process.exitCode = 2
} else console.log(markdownOf(reports.toSorted((one, other) => one.seed - other.seed)))
