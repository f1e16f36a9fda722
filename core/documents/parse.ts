import { stringify } from 'yaml'
import { fail, type Result, succeed } from '../result.ts'
import { configKey, documentData, readDocument } from './document.ts'
import { problemsError } from './problems.ts'
import type { MeshDocument } from './types.ts'
import { parseYaml, plainData } from './yaml.ts'

/** Bounds of a text with documents. */
export type DocumentLimits = {
  /** Default 1 MiB. */
  readonly bytesMax?: number
  /** Default 1,000. */
  readonly documentsMax?: number
}

const HELD_BY = 'landbridge.dev/held-by'
const BYTES_MAX = 1024 ** 2
const DOCUMENTS_MAX = 1000

/**
 * Reads YAML or JSON text that holds documents, separated by "---".
 *
 * 1. All or nothing: one problem anywhere and nothing is returned.
 * 2. Every problem is listed, with the number of its document (from 1) and the path of the field.
 * 3. Unknown fields, repeated keys and repeated documents are problems.
 *
 * `resource_exhausted` when the text is too large, else `invalid_argument`.
 */
export function parseDocuments(text: string, limits: DocumentLimits = {}): Result<readonly MeshDocument[]> {
  const { bytesMax = BYTES_MAX, documentsMax = DOCUMENTS_MAX } = limits
  const bytes = Buffer.byteLength(text)
  if (bytes > bytesMax) return fail('resource_exhausted', `documents: are ${bytes} bytes, wanted at most ${bytesMax}`)
  const problems: string[] = []
  const parsed = parseYaml(text, problems)
  if (parsed.length > documentsMax) {
    return fail('resource_exhausted', `documents: are ${parsed.length}, wanted at most ${documentsMax}`)
  }
  const documents: MeshDocument[] = []
  const firstWithKey = new Map<string, number>()
  for (const [index, yaml] of parsed.entries()) {
    const number = index + 1
    const before = problems.length
    const value = plainData(yaml, (problem) => problems.push(`document ${number}${problem}`))
    if (problems.length > before || value === null) continue
    const document = readDocument(value, (path, problem) => {
      problems.push(`document ${number}${describe(value)}${path === '' ? ' ' : `, ${path}: `}${problem}`)
    })
    if (document === undefined || problems.length > before) continue
    const key = configKey(document)
    const first = firstWithKey.get(key)
    if (first !== undefined) {
      problems.push(`document ${number}${describe(value)} is the same as document ${first}, wanted each once`)
    }
    firstWithKey.set(key, first ?? number)
    documents.push(document)
  }
  if (problems.length > 0) return problemsError('documents', problems)
  if (documents.length === 0) return fail('invalid_argument', 'documents: are none, wanted at least one')
  return succeed(documents)
}

/** A document as YAML, defaults spelled out; `parseDocuments` reads it back. */
export function formatDocument(document: MeshDocument): string {
  return stringify(documentData(document))
}

/**
 * A document as JSON text for the configuration bucket: the same shape as its YAML.
 * @param heldBy What declares it, for others who might: an annotation, which readers of documents leave out.
 */
export function toStored(document: MeshDocument, heldBy?: string): string {
  const data = documentData(document)
  if (heldBy === undefined) return JSON.stringify(data)
  const metadata = Object.assign({}, data.metadata, { annotations: { [HELD_BY]: heldBy } })
  return JSON.stringify({ ...data, metadata })
}

/** What `toStored` was told to be holding the document; undefined when it was told nothing, or when the text cannot be read. */
export function heldByOf(json: string): string | undefined {
  try {
    const { metadata } = JSON.parse(json) as { metadata?: { annotations?: Readonly<Record<string, unknown>> } }
    const heldBy = metadata?.annotations?.[HELD_BY]
    return typeof heldBy === 'string' ? heldBy : undefined
  } catch {
    return undefined
  }
}

/** Whether a stored text is this document, whoever holds it. */
export function isStored(json: string, document: MeshDocument): boolean {
  const { value } = fromStored(json)
  return value !== undefined && toStored(value) === toStored(document)
}

/** Reads what `toStored` wrote, as strictly as `parseDocuments`. */
export function fromStored(json: string): Result<MeshDocument> {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return fail('invalid_argument', 'stored document: is no JSON, wanted a document')
  }
  return fromData(value)
}

/** Reads a document from plain data, such as an object of the Kubernetes API without `status` and server-set metadata. */
export function fromData(value: unknown): Result<MeshDocument> {
  const problems: string[] = []
  const document = readDocument(value, (path, problem) => problems.push(path === '' ? problem : `${path}: ${problem}`))
  if (document === undefined || problems.length > 0) return problemsError('document', problems)
  return succeed(document)
}

/** " (Topic orders)" when the document says so much of itself. */
function describe(value: unknown): string {
  const kind = textAt(value, 'kind')
  const name = typeof value === 'object' && value !== null && 'metadata' in value ? textAt(value.metadata, 'name') : ''
  return kind === '' || name === '' ? '' : ` (${kind} ${name})`
}

function textAt(value: unknown, field: string): string {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, field)) return ''
  const text = (value as Readonly<Record<string, unknown>>)[field]
  return typeof text === 'string' ? text.slice(0, 64) : ''
}
