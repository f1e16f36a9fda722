import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import { fail, type Result, succeed } from '../result.ts'
import type { AccessRequest } from './types.ts'

/** A compiled condition. True means "holds"; an evaluation error and anything but a boolean count as "does not hold". */
export type Condition = (request: AccessRequest) => boolean

/** Longest condition, in characters. */
export const CONDITION_LENGTH_MAX = 4096

// One list operation inside another one is enough for "one of these is in that", and keeps the cost of a decision far
// below a product of three claim sizes.
const NESTED_LISTS_MAX = 2
const LIST_OPERATIONS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one'])

// Names that may be called. Left out on purpose: `matches` (the engine uses backtracking expressions, so a claim could
// stall the gateway), and everything that builds texts or lists of unbounded size (`map`, `join`, `split`, `bind`).
const CALLABLE: ReadonlySet<string> = new Set([
  ...LIST_OPERATIONS,
  ...['has', 'size', 'startsWith', 'endsWith', 'contains', 'lowerAscii', 'upperAscii', 'trim'],
  ...['bool', 'double', 'dyn', 'int', 'string', 'timestamp', 'duration'],
  ...['getFullYear', 'getMonth', 'getDate', 'getDayOfMonth', 'getDayOfWeek', 'getDayOfYear'],
  ...['getHours', 'getMinutes', 'getSeconds', 'getMilliseconds'],
])

const environment = new Environment({
  unlistedVariablesAreDyn: false,
  limits: { maxAstNodes: 500, maxDepth: 32, maxListElements: 256, maxMapEntries: 64, maxCallArguments: 4 },
})
  .registerVariable('principal', {
    schema: {
      subject: 'string',
      issuer: 'string',
      groups: 'list<string>',
      spiffe: 'string',
      claims: 'map<string, dyn>',
    },
  })
  .registerVariable('tenant', 'string')
  .registerVariable('topic', 'string')
  .registerVariable('operation', 'string')
  .registerVariable('now', 'google.protobuf.Timestamp')

/**
 * Compiles a CEL expression over
 *
 * - `principal`: `subject`, `issuer`, `groups` (list), `spiffe`, `claims` (map); what is unknown is an empty text
 * - `tenant`, `topic`, `operation`: texts
 * - `now`: a timestamp
 *
 * It must be a boolean; a claim's type is known only at evaluation, so an
 * expression that is just a claim compiles and holds only if the claim is `true`.
 * `invalid_argument` says what is wrong and where.
 */
export function compileCondition(expression: string): Result<Condition> {
  if (expression.trim() === '') return wrong('is empty, wanted a CEL expression or no condition')
  if (expression.length > CONDITION_LENGTH_MAX) {
    return wrong(`has ${expression.length} characters, wanted at most ${CONDITION_LENGTH_MAX}`)
  }
  try {
    const evaluate = environment.parse(expression)
    const refused = refusedCall(evaluate.ast, 0)
    if (refused !== undefined) return wrong(refused)
    const { valid, type, error } = evaluate.check()
    if (!valid) return wrong(describe(error))
    if (type !== 'bool' && type !== 'dyn') return wrong(`is of type ${type}, wanted bool`)
    return succeed((request) => {
      try {
        return evaluate(variablesOf(request)) === true
      } catch {
        return false
      }
    })
  } catch (error) {
    return wrong(describe(error))
  }
}

function variablesOf(request: AccessRequest): Record<string, unknown> {
  const { principal, tenant, topic, operation, now } = request
  const { subject, issuer = '', groups, spiffe = '', claims } = principal
  return { principal: { subject, issuer, groups, spiffe, claims }, tenant, topic, operation, now: new Date(now) }
}

function refusedCall(node: ASTNode, lists: number): string | undefined {
  let depth = lists
  if (node.op === 'call' || node.op === 'rcall') {
    const name = node.args[0]
    if (!CALLABLE.has(name)) return `calls ${name}(), wanted one of ${[...CALLABLE].join(', ')}`
    if (LIST_OPERATIONS.has(name)) depth++
    if (depth > NESTED_LISTS_MAX) return `nests ${depth} list operations, wanted at most ${NESTED_LISTS_MAX}`
  }
  for (const child of nodesIn(node.args)) {
    const refused = refusedCall(child, depth)
    if (refused !== undefined) return refused
  }
  return undefined
}

/** The nodes among a node's arguments, which are nodes, names, values, and lists of these. */
function* nodesIn(value: unknown): Generator<ASTNode> {
  if (Array.isArray(value)) for (const item of value) yield* nodesIn(item)
  else if (isNode(value)) yield value
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}

/** The engine's first line; the lines after it draw the expression. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'cannot be compiled, wanted CEL'
  const line = error.message.split('\n', 1)[0] ?? ''
  const range = 'range' in error ? (error.range as { readonly start: number } | undefined) : undefined
  return range === undefined ? `is wrong: ${line}` : `is wrong at character ${range.start + 1}: ${line}`
}

function wrong(text: string): Result<Condition> {
  return fail('invalid_argument', `condition: ${text}`)
}
