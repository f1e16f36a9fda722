import { isMap, isNode, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml'

/** A value of the chart that people may set. */
export type ChartValue = {
  /** "gateway.service.port" */
  readonly path: string
  readonly description: string
  /** As plain data. */
  readonly standard: unknown
}

/** What values.yaml says. */
export type ChartValues = {
  /** JSON Schema (draft 2020-12) of all values. */
  readonly schema: unknown
  readonly values: readonly ChartValue[]
}

type Schema = Record<string, unknown>

const SCHEMA_MARK = '@schema '
const DESCRIPTION_MARK = '-- '

/**
 * Reads the chart's values: every value is described by the comment above it ("# -- text", and "# @schema {...}" with
 * what its type does not say).
 * @throws Error for a value without a description, or a schema that is no JSON
 */
export function readValues(text: string): ChartValues {
  const document = parseDocument(text)
  const root = document.contents
  if (!isMap(root)) throw new Error('values.yaml: is no mapping, wanted one')
  const values: ChartValue[] = []
  const schema = schemaOfMap(root, '', values)
  const common = { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'Values of the landbridge chart' }
  // Helm hands its own "global" to every chart.
  const properties = { ...(schema.properties as Schema), global: { type: 'object' } }
  return { schema: { ...common, ...schema, properties }, values }
}

function schemaOfMap(map: YAMLMap, path: string, values: ChartValue[]): Schema {
  const properties: Schema = {}
  for (const [index, pair] of map.items.entries()) {
    const key = isScalar(pair.key) ? String(pair.key.value) : ''
    const name = path === '' ? key : `${path}.${key}`
    properties[key] = schemaOfPair(pair, commentOf(pair, index === 0 ? map : undefined), name, values)
  }
  return { type: 'object', properties, additionalProperties: false }
}

function schemaOfPair(pair: Pair, comment: string, path: string, values: ChartValue[]): Schema {
  const { description, schema } = readComment(comment, path)
  const value = pair.value
  if (isMap(value) && schema === undefined) {
    const inner = schemaOfMap(value, path, values)
    return description === '' ? inner : { description, ...inner }
  }
  if (description === '') throw new Error(`values.yaml: ${path} has no description, wanted "# -- ..." above it`)
  const standard: unknown = isNode(value) ? value.toJSON() : value
  values.push({ path, description, standard })
  return { description, ...typeOf(standard), ...schema }
}

/** The comment above a key; that of a mapping's first key belongs to the mapping. */
function commentOf(pair: Pair, map: YAMLMap | undefined): string {
  const own = isScalar(pair.key) ? pair.key.commentBefore : undefined
  // Only what follows the last empty line is about this key.
  return (own ?? map?.commentBefore ?? '').split('\n\n').at(-1) ?? ''
}

function readComment(comment: string, path: string): { description: string; schema: Schema | undefined } {
  const texts: string[] = []
  let schema: Schema | undefined
  let described = false
  for (const line of comment.split('\n').map((raw) => raw.trim())) {
    if (line.startsWith(SCHEMA_MARK)) schema = parseSchema(line.slice(SCHEMA_MARK.length), path)
    else if (line.startsWith(DESCRIPTION_MARK)) {
      described = true
      texts.push(line.slice(DESCRIPTION_MARK.length))
    } else if (described) texts.push(line)
  }
  return { description: texts.join(' ').trim(), schema }
}

function parseSchema(json: string, path: string): Schema {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new Error(`values.yaml: the schema of ${path} is no JSON`, { cause })
  }
}

function typeOf(value: unknown): Schema {
  if (typeof value === 'string') return { type: 'string' }
  if (typeof value === 'boolean') return { type: 'boolean' }
  if (typeof value === 'number') return { type: Number.isInteger(value) ? 'integer' : 'number' }
  return { type: Array.isArray(value) ? 'array' : 'object' }
}
