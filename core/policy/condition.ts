import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import {
  calledBy,
  childrenOf,
  compileExpression,
  EXPRESSION_LENGTH_MAX,
  EXPRESSION_LIMITS,
  LIST_OPERATIONS,
} from '../cel/index.ts'
import { type Result, succeed } from '../result.ts'
import type { AccessRequest } from './types.ts'

/** A compiled condition. True means "holds"; an evaluation error and anything but a boolean count as "does not hold". */
export type Condition = (request: AccessRequest) => boolean

/** Longest condition, in characters. */
export const CONDITION_LENGTH_MAX = EXPRESSION_LENGTH_MAX

// One list operation inside another one is enough for "one of these is in that", and keeps the cost of a decision far
// below a product of three claim sizes.
const NESTED_LISTS_MAX = 2

const environment = new Environment({ unlistedVariablesAreDyn: false, limits: EXPRESSION_LIMITS })
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
  const { value: holds, error } = compileExpression(expression, {
    environment,
    name: 'condition',
    refuse: (ast) => refusedNesting(ast, 0),
  })
  if (error !== undefined) return { error }
  return succeed((request) => holds(variablesOf(request)) === true)
}

function variablesOf(request: AccessRequest): Record<string, unknown> {
  const { principal, tenant, topic, operation, now } = request
  const { subject, issuer = '', groups, spiffe = '', claims } = principal
  return { principal: { subject, issuer, groups, spiffe, claims }, tenant, topic, operation, now: new Date(now) }
}

function refusedNesting(node: ASTNode, lists: number): string | undefined {
  const name = calledBy(node)
  const depth = name !== undefined && LIST_OPERATIONS.has(name) ? lists + 1 : lists
  if (depth > NESTED_LISTS_MAX) return `nests ${depth} list operations, wanted at most ${NESTED_LISTS_MAX}`
  for (const child of childrenOf(node)) {
    const refused = refusedNesting(child, depth)
    if (refused !== undefined) return refused
  }
  return undefined
}
