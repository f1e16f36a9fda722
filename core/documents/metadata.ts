import { isLabel } from '../names.ts'
import { type Fields, type ReportProblem, show } from './fields.ts'

/** Who a document is about. */
export type Metadata = {
  readonly name: string
  /** The tenant; empty for a document of the whole region. */
  readonly namespace: string
  /** Reports that the name and namespace do not fit together. */
  problem(text: string): void
}

const NAME_LENGTH_MAX = 253
const LABELS_MAX = 64

/**
 * Reads `metadata`. Labels and annotations are checked and dropped: they are for
 * people and for the tools that send the document.
 */
export function readMetadata(fields: Fields, scope: 'tenant' | 'region', report: ReportProblem): Metadata {
  const name = fields.text('name', NAME_LENGTH_MAX)
  let namespace = ''
  if (scope === 'tenant') {
    namespace = fields.text('namespace', NAME_LENGTH_MAX)
    if (namespace !== '' && !isLabel(namespace)) {
      fields.problem('namespace', `is ${show(namespace)}, wanted the name of a tenant`)
    }
  } else if (fields.value('namespace') !== undefined) {
    fields.problem('namespace', 'is given, wanted none: this kind belongs to the region, not to a tenant')
  }
  readTexts(fields.value('labels'), 'metadata.labels', report)
  readTexts(fields.value('annotations'), 'metadata.annotations', report)
  fields.finish()
  return { name, namespace, problem: (text) => report('metadata', text) }
}

function readTexts(value: unknown, path: string, report: ReportProblem): void {
  if (value === undefined) return
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report(path, `is ${show(value)}, wanted a mapping of texts`)
    return
  }
  const entries = Object.entries(value)
  if (entries.length > LABELS_MAX) report(path, `has ${entries.length} entries, wanted at most ${LABELS_MAX}`)
  for (const [key, text] of entries) {
    if (typeof text !== 'string') report(path, `has ${show(text)} under ${show(key)}, wanted a text`)
  }
}
