import type { ASTNode, Environment } from '@marcbachmann/cel-js'
import { fail, type Result, succeed } from '../result.ts'

/** A compiled expression: true or false; undefined when it cannot be evaluated with these variables, or is no boolean. */
export type Expression = (variables: Readonly<Record<string, unknown>>) => boolean | undefined

/** How an expression is compiled. */
export type ExpressionOptions = {
  /** The variables, and bounds on the size of an expression. */
  readonly environment: Environment
  /** What it is called in problems: "condition". */
  readonly name: string
  /** What is wrong with it beyond its types; undefined when nothing is. */
  readonly refuse?: (ast: ASTNode) => string | undefined
}

/** Longest expression, in characters. */
export const EXPRESSION_LENGTH_MAX = 4096

/** Bounds for `Environment`: more than a person writes by hand. */
export const EXPRESSION_LIMITS = {
  maxAstNodes: 500,
  maxDepth: 32,
  maxListElements: 256,
  maxMapEntries: 64,
  maxCallArguments: 4,
} as const

/** Functions that evaluate one of their arguments for each element of a list or map. */
export const LIST_OPERATIONS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one'])

// Names that may be called. Left out on purpose: `matches` (the engine uses backtracking expressions, so a text from
// outside could stall the gateway), and everything that builds texts or lists of unbounded size (`map`, `join`, `split`,
// `bind`).
const CALLABLE: ReadonlySet<string> = new Set([
  ...LIST_OPERATIONS,
  ...['has', 'size', 'startsWith', 'endsWith', 'contains', 'lowerAscii', 'upperAscii', 'trim'],
  ...['bool', 'double', 'dyn', 'int', 'string', 'timestamp', 'duration'],
  ...['getFullYear', 'getMonth', 'getDate', 'getDayOfMonth', 'getDayOfWeek', 'getDayOfYear'],
  ...['getHours', 'getMinutes', 'getSeconds', 'getMilliseconds'],
])

/**
 * Compiles a CEL expression that must be a boolean. What is known only at evaluation (a value from outside) may turn out
 * to be none. `invalid_argument` says what is wrong and where.
 */
export function compileExpression(text: string, options: ExpressionOptions): Result<Expression> {
  const wrong = (problem: string) => fail('invalid_argument', `${options.name}: ${problem}`)
  if (text.trim() === '') return wrong(`is empty, wanted a CEL expression or no ${options.name}`)
  if (text.length > EXPRESSION_LENGTH_MAX) {
    return wrong(`has ${text.length} characters, wanted at most ${EXPRESSION_LENGTH_MAX}`)
  }
  try {
    const evaluate = options.environment.parse(text)
    const refused = refusedCall(evaluate.ast) ?? options.refuse?.(evaluate.ast)
    if (refused !== undefined) return wrong(refused)
    const { valid, type, error } = evaluate.check()
    if (!valid) return wrong(describe(error))
    if (type !== 'bool' && type !== 'dyn') return wrong(`is of type ${type}, wanted bool`)
    return succeed((variables) => {
      try {
        const value: unknown = evaluate(variables)
        return typeof value === 'boolean' ? value : undefined
      } catch {
        return undefined
      }
    })
  } catch (error) {
    return wrong(describe(error))
  }
}

/** The function that a node calls; undefined when it calls none. */
export function calledBy(node: ASTNode): string | undefined {
  return node.op === 'call' || node.op === 'rcall' ? node.args[0] : undefined
}

/** The nodes right below a node. */
export function childrenOf(node: ASTNode): Generator<ASTNode> {
  return nodesIn(node.args)
}

function refusedCall(node: ASTNode): string | undefined {
  const name = calledBy(node)
  if (name !== undefined && !CALLABLE.has(name)) return `calls ${name}(), wanted one of ${[...CALLABLE].join(', ')}`
  for (const child of childrenOf(node)) {
    const refused = refusedCall(child)
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
