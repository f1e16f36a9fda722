/** A rule in CEL that the API server checks (`x-kubernetes-validations`). */
export type Rule = {
  /** `self` is the value, `oldSelf` the one before; a rule with `oldSelf` is checked on updates only. */
  readonly rule: string
  /** What is wrong and what is wanted, for people. */
  readonly message: string
}

/** A structural schema of OpenAPI v3, as CustomResourceDefinitions take it. */
export type Schema = {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean'
  readonly description: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly additionalProperties?: Schema
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly maxProperties?: number
  readonly minProperties?: number
  readonly 'x-kubernetes-validations'?: readonly Rule[]
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-preserve-unknown-fields'?: true
}

type Common = { readonly rules?: readonly Rule[]; readonly default?: unknown }
type Text = Common & {
  readonly lengthMax: number
  readonly lengthMin?: number
  readonly pattern?: string
  readonly format?: string
}
type Numbers = Common & { readonly min: number; readonly max: number }
type List = Common & {
  readonly itemsMax: number
  readonly itemsMin?: number
  readonly kind?: 'atomic' | 'set' | 'map'
  readonly keys?: readonly string[]
}
type Fields = Common & { readonly required?: readonly string[] }

/** A text. Every text has a bound: CEL's cost is estimated from it. */
export function text(description: string, { lengthMax, lengthMin, pattern, format, ...common }: Text): Schema {
  return {
    type: 'string',
    description,
    maxLength: lengthMax,
    ...(lengthMin === undefined ? {} : { minLength: lengthMin }),
    ...(pattern === undefined ? {} : { pattern }),
    ...(format === undefined ? {} : { format }),
    ...shared(common),
  }
}

/** One of some texts. */
export function oneOf(description: string, options: readonly string[], common: Common = {}): Schema {
  return { type: 'string', description, enum: options, ...shared(common) }
}

/** A whole number. */
export function integer(description: string, { min, max, ...common }: Numbers): Schema {
  const format = max > 2_147_483_647 ? 'int64' : 'int32'
  return { type: 'integer', format, description, minimum: min, maximum: max, ...shared(common) }
}

/** True or false. */
export function flag(description: string, common: Common = {}): Schema {
  return { type: 'boolean', description, ...shared(common) }
}

/** A list. */
export function list(
  description: string,
  items: Schema,
  { itemsMax, itemsMin, kind = 'atomic', keys, ...common }: List,
): Schema {
  return {
    type: 'array',
    description,
    items,
    maxItems: itemsMax,
    ...(itemsMin === undefined ? {} : { minItems: itemsMin }),
    'x-kubernetes-list-type': kind,
    ...(keys === undefined ? {} : { 'x-kubernetes-list-map-keys': keys }),
    ...shared(common),
  }
}

/** A mapping with known fields. */
export function fields(
  description: string,
  properties: Readonly<Record<string, Schema>>,
  { required, ...common }: Fields = {},
): Schema {
  return {
    type: 'object',
    description,
    ...(required === undefined || required.length === 0 ? {} : { required }),
    properties,
    ...shared(common),
  }
}

/** A point in time, RFC 3339. */
export function time(description: string): Schema {
  return { type: 'string', format: 'date-time', description }
}

/** The conditions of a status, as meta/v1 defines them. */
export function conditions(types: Readonly<Record<string, string>>): Schema {
  const meaning = Object.entries(types).map(([type, what]) => `${type}: ${what}`)
  return list(
    `What is known of the resource. ${meaning.join(' ')}`,
    fields(
      'One condition.',
      {
        type: text('Which one.', { lengthMax: 316 }),
        status: oneOf('Whether it holds.', ['True', 'False', 'Unknown']),
        reason: text('Why, as one word.', {
          lengthMax: 1024,
          lengthMin: 1,
          pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
        }),
        message: text('Why, in words.', { lengthMax: 32768 }),
        lastTransitionTime: time('When the status last changed.'),
        observedGeneration: integer('The generation of the spec that it is about.', {
          min: 0,
          max: Number.MAX_SAFE_INTEGER,
        }),
      },
      { required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'] },
    ),
    { itemsMax: 16, kind: 'map', keys: ['type'] },
  )
}

function shared({ rules, default: value }: Common): Partial<Schema> {
  return {
    ...(rules === undefined ? {} : { 'x-kubernetes-validations': rules }),
    ...(value === undefined ? {} : { default: value }),
  }
}
