import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import { calledBy, childrenOf, compileExpression, EXPRESSION_LIMITS, LIST_OPERATIONS } from '../cel/index.ts'
import { type Result, succeed } from '../result.ts'
import { asBuffer } from '../wire.ts'
import { dataOf } from './event-data.ts'
import { variablesOf } from './event-variables.ts'

/** A compiled filter; undefined when it cannot be evaluated for an event. */
export type EventFilter = (event: Uint8Array) => boolean | undefined

/** Data larger than this is not read for a filter, in bytes. */
export const FILTER_DATA_BYTES_MAX = 1024 ** 2

const environment = new Environment({ unlistedVariablesAreDyn: false, limits: EXPRESSION_LIMITS })
  .registerVariable('event', 'map<string, dyn>')
  .registerVariable('data', 'dyn')

/**
 * Compiles a CEL expression over
 *
 * - `event`: every attribute by its name (`event.type`, `event.subject`, `event.partitionkey`); an optional one that may
 *   be absent needs `has(event.subject)` before it
 * - `data`: the JSON payload, of at most 1 MiB
 *
 * It must be a boolean. What is in an event is known only at evaluation: a filter that looks at what an event does not
 * have, and whose outcome depends on it, cannot be evaluated. It depends on nothing but the event: no time, no region.
 * The cost of an evaluation is at most the size of the expression times that of the event.
 */
export function compileFilter(expression: string): Result<EventFilter> {
  const { value: evaluate, error } = compileExpression(expression, {
    environment,
    name: 'filter',
    refuse: refusedReach,
  })
  if (error !== undefined) return { error }
  return succeed((event) => {
    const bytes = asBuffer(event)
    return evaluate(variablesOf(bytes, dataOf(bytes), FILTER_DATA_BYTES_MAX))
  })
}

/**
 * An operation on each element of a list may look at that element alone: one that looks at a whole list, or a long text,
 * for each element of another would take the product of their sizes.
 */
function refusedReach(node: ASTNode, only?: string): string | undefined {
  if (node.op === 'id' && only !== undefined && node.args !== only) {
    return `looks at ${String(node.args)} within a list operation, wanted nothing but its element ${only}`
  }
  const name = calledBy(node)
  if (node.op !== 'rcall' || name === undefined || !LIST_OPERATIONS.has(name)) return refusedIn(childrenOf(node), only)
  const [, list, [element, ...conditions]] = node.args
  const variable = element?.op === 'id' ? element.args : ''
  return refusedIn([list], only) ?? refusedIn(conditions, variable)
}

function refusedIn(nodes: Iterable<ASTNode>, only: string | undefined): string | undefined {
  for (const node of nodes) {
    const refused = refusedReach(node, only)
    if (refused !== undefined) return refused
  }
  return undefined
}
