/** A part of an OpenAPI document or of a JSON schema. */
type Node = Readonly<Record<string, unknown>>

type Swagger = { readonly definitions: Readonly<Record<string, Node>> }

type GroupVersionKind = { readonly group: string; readonly version: string; readonly kind: string }

/** A CustomResourceDefinition (apiextensions.k8s.io/v1), as far as it matters. */
export type Definition = {
  readonly spec: {
    readonly group: string
    readonly names: { readonly kind: string }
    readonly versions: readonly {
      readonly name: string
      readonly schema: { readonly openAPIV3Schema: Node }
    }[]
  }
}

const SHARED = '_definitions.json'
const INTEGER_OR_STRING = { oneOf: [{ type: 'string' }, { type: 'integer' }] }
const QUANTITY = { oneOf: [{ type: 'string' }, { type: 'number' }] }

/**
 * File name to JSON schema of every built-in kind in the API server's swagger.json. Fields that it does not name are
 * refused, as `kubectl --validate=strict` does.
 */
export function schemasOfSwagger({ definitions }: Swagger): ReadonlyMap<string, unknown> {
  const files = new Map<string, unknown>()
  const strict: Record<string, unknown> = {}
  for (const [name, definition] of Object.entries(definitions)) {
    strict[name] = name.endsWith('.util.intstr.IntOrString')
      ? INTEGER_OR_STRING
      : name.endsWith('.api.resource.Quantity')
        ? QUANTITY
        : strictly(definition)
    const kinds = (definition['x-kubernetes-group-version-kind'] ?? []) as readonly GroupVersionKind[]
    for (const kind of kinds) files.set(fileOf(kind), { $ref: `${SHARED}#/definitions/${name}` })
  }
  return files.set(SHARED, { definitions: strict })
}

/** File name to JSON schema of every version of a custom resource. */
export function schemasOfDefinition({ spec }: Definition): ReadonlyMap<string, unknown> {
  return new Map(
    spec.versions.map(({ name, schema }) => [
      fileOf({ group: spec.group, version: name, kind: spec.names.kind }),
      strictly(schema.openAPIV3Schema),
    ]),
  )
}

/** As kubeconform builds it of {{.ResourceKind}}{{.KindSuffix}}.json. */
function fileOf({ group, version, kind }: GroupVersionKind): string {
  const prefix = group === '' ? '' : `${group.split('.')[0]}-`
  return `${kind.toLowerCase()}-${prefix}${version}.json`
}

/** OpenAPI to JSON schema, refusing fields that have no name in it. */
function strictly(node: Node): Node {
  if (node['x-kubernetes-int-or-string'] === true) return INTEGER_OR_STRING
  const open = node['x-kubernetes-preserve-unknown-fields'] === true || node.additionalProperties !== undefined
  const result: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(node)) {
    if (key === 'nullable' || key.startsWith('x-kubernetes-')) continue
    if (key === 'properties') result[key] = mapValues(value as Readonly<Record<string, Node>>, strictly)
    // What is inside "anyOf" and the like only narrows the fields beside it.
    else if (key === 'items' || key === 'additionalProperties') result[key] = isNode(value) ? strictly(value) : value
    else result[key] = value
  }
  if (isNode(node.properties) && !open) result.additionalProperties = false
  if (node.nullable === true && typeof node.type === 'string') result.type = [node.type, 'null']
  return result
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function mapValues(nodes: Readonly<Record<string, Node>>, change: (node: Node) => Node): Node {
  return Object.fromEntries(Object.entries(nodes).map(([key, value]) => [key, change(value)]))
}
