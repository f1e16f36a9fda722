import { API_VERSION } from './types.ts'
import { parseYaml, plainData } from './yaml.ts'

/** A text of documents without those of others. */
export type OwnDocuments = {
  /** The text, in which each document of another API group is empty: documents and lines keep their numbers. */
  readonly text: string
  /** Documents that are left: those of the mesh, and those of which that cannot be told. */
  readonly own: number
  /** What was left out: "v1 Namespace acme". */
  readonly foreign: readonly string[]
}

const [GROUP] = API_VERSION.split('/')

/**
 * Leaves out the documents of other API groups, as there are in what `kubectl kustomize` and `helm template` write. What is
 * wrong is left for `parseDocuments` to say.
 */
export function ownDocuments(text: string): OwnDocuments {
  const foreign: string[] = []
  let own = 0
  let kept = ''
  let end = 0
  for (const document of parseYaml(text, [])) {
    let wrong = false
    const value = plainData(document, () => {
      wrong = true
    })
    if (value === null && !wrong) continue
    const name = wrong ? undefined : foreignName(value)
    const range = document.contents?.range
    if (name === undefined || !range) {
      own += 1
      continue
    }
    foreign.push(name)
    kept += `${text.slice(end, range[0])}null${text.slice(range[0], range[1]).replace(/[^\n]/g, '')}`
    end = range[1]
  }
  return { text: kept + text.slice(end), own, foreign }
}

/** What a document of another API group is; undefined when it is none. */
function foreignName(value: unknown): string | undefined {
  const { apiVersion, kind, metadata } = fieldsOf(value)
  if (typeof apiVersion !== 'string' || apiVersion === '' || apiVersion.split('/')[0] === GROUP) return undefined
  const { namespace, name } = fieldsOf(metadata)
  const place = typeof namespace === 'string' ? `${namespace}/` : ''
  return `${apiVersion} ${typeof kind === 'string' ? kind : 'of no kind'}${typeof name === 'string' ? ` ${place}${name}` : ''}`
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
