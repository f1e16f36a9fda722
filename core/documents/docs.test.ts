import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseDocuments } from './parse.ts'

const TEXTS = ['README.md', 'docs/topics.md', 'docs/access.md', 'docs/run.md']

/** Documents that are shown in Markdown: in blocks of their own, and in those of the shell. */
function documentsIn(file: string): readonly string[] {
  const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
  const blocks = [...text.matchAll(/```yaml\n(.*?)```/gs), ...text.matchAll(/<<'YAML'\n(.*?)\nYAML$/gms)]
  return blocks.map(([, block]) => block ?? '').filter((block) => block.includes('apiVersion'))
}

test.each(TEXTS)('the documents in %s can be applied', (file) => {
  const documents = documentsIn(file)
  expect(documents.length).toBeGreaterThan(0)
  for (const document of documents) expect(parseDocuments(document).error?.message).toBeUndefined()
})
