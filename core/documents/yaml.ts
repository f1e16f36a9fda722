import { type Document, parseAllDocuments } from 'yaml'

// A document needs none; a few anchors are handy, many are an attack ("billion laughs").
const ALIASES_MAX = 50
// One wrong bracket can make the parser complain about each line after it.
const YAML_PROBLEMS_MAX = 3

/** The documents of a YAML or JSON text, none when it cannot be read; each tells of its own mistakes. */
export function parseYaml(text: string, problems: string[]): readonly Document[] {
  try {
    const parsed = parseAllDocuments(text, {
      uniqueKeys: true,
      stringKeys: true,
      prettyErrors: true,
      logLevel: 'silent',
    })
    return Array.isArray(parsed) ? parsed : []
  } catch {
    // Nesting deeper than the parser's stack.
    problems.push('text: cannot be read, wanted YAML or JSON')
    return []
  }
}

/** The document's data; null for an empty document. Warnings count: they tell of tags that nobody asked for. */
export function plainData(yaml: Document, report: (problem: string) => void): unknown {
  for (const { message, linePos } of [...yaml.errors, ...yaml.warnings].slice(0, YAML_PROBLEMS_MAX)) {
    const line = message.split('\n', 1)[0]?.replace(/ at line \d+, column \d+:$/, '')
    report(`${linePos === undefined ? '' : `, line ${linePos[0].line}`}: ${line}`)
  }
  try {
    return yaml.toJS({ maxAliasCount: ALIASES_MAX }) ?? null
  } catch {
    report(`: has more than ${ALIASES_MAX} aliases or is nested too deeply, wanted plain fields`)
    return null
  }
}
