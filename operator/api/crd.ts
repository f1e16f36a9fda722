import type { ResourceType } from '../k8s/index.ts'
import type { Rule, Schema } from './schema.ts'

/** A column of `kubectl get`. */
export type PrinterColumn = {
  readonly name: string
  readonly type: 'string' | 'integer' | 'date'
  readonly jsonPath: string
  readonly description: string
  /** Above 0: only with `-o wide`. */
  readonly priority?: number
}

/** A kind of resource: everything that its CustomResourceDefinition is made of. */
export type ResourceDefinition = {
  readonly type: ResourceType
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly description: string
  readonly spec: Schema
  readonly status: Schema
  /** Checked on the whole object: for rules about metadata. */
  readonly rules: readonly Rule[]
  readonly columns: readonly PrinterColumn[]
  /** Fields that `kubectl get --field-selector` takes. */
  readonly selectable?: readonly string[]
}

/** The columns that every kind begins with. */
export const READY_COLUMNS: readonly PrinterColumn[] = [
  {
    name: 'Ready',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Ready")].status',
    description: 'Whether the region does what the resource says.',
  },
  {
    name: 'Reason',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
    description: 'Why, as one word.',
  },
]

/** The column that every kind ends with. */
export const AGE_COLUMN: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'How long the resource exists.',
}

/** The CustomResourceDefinition (apiextensions.k8s.io/v1) of a kind. */
export function crdOf(definition: ResourceDefinition): Readonly<Record<string, unknown>> {
  const { type, singular, shortNames, description, spec, status, rules, columns, selectable = [] } = definition
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${type.plural}.${type.group}`,
      annotations: { 'helm.sh/resource-policy': 'keep' },
      labels: { 'app.kubernetes.io/name': 'landbridge', 'app.kubernetes.io/part-of': 'landbridge' },
    },
    spec: {
      group: type.group,
      scope: type.namespaced ? 'Namespaced' : 'Cluster',
      names: {
        kind: type.kind,
        listKind: `${type.kind}List`,
        plural: type.plural,
        singular,
        shortNames,
        categories: ['landbridge'],
      },
      versions: [
        {
          name: type.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          ...(selectable.length === 0 ? {} : { selectableFields: selectable.map((jsonPath) => ({ jsonPath })) }),
          schema: { openAPIV3Schema: rootSchema(description, spec, status, rules) },
        },
      ],
    },
  }
}

function rootSchema(description: string, spec: Schema, status: Schema, rules: readonly Rule[]) {
  return {
    type: 'object',
    description,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: 'landbridge.dev and a version.' },
      kind: { type: 'string', description: 'The kind of the resource.' },
      metadata: { type: 'object' },
      spec,
      status,
    },
    ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules }),
  }
}
