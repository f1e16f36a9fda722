import { hash } from 'node:crypto'
import type { MaskRule } from '../documents/index.ts'
import { unwrap } from '../result.ts'
import { type PathStep, parsePath } from './json-path.ts'

/** Changes JSON data in place, or returns what stands in its place. */
export type Masker = (data: unknown) => unknown

/** What stands in place of a value with action "redact". */
export const REDACTED = '[redacted]'

const HASHED = /^sha256:[0-9a-f]{64}$/
const DROPPED = Symbol('dropped')

type Action = (value: unknown) => unknown

/**
 * A mask for values at one path.
 *
 * 1. Lists on the way are entered whether or not the path says `[*]`, and `[*]` takes what is no list as the one element
 *    of a list, too: data in an unexpected shape is masked rather than shown.
 * 2. A mask that was applied changes nothing when it is applied again.
 *
 * @param salt Hashes with different salts cannot be compared.
 */
export function maskerOf(rule: MaskRule, salt: string): Masker {
  const steps = unwrap(parsePath(rule.path))
  const action = actionOf(rule, salt)
  return (data) => {
    const masked = descend(data, steps, 0, action)
    return masked === DROPPED ? null : masked
  }
}

function actionOf({ action }: MaskRule, salt: string): Action {
  if (action === 'redact') return () => REDACTED
  if (action === 'drop') return () => DROPPED
  return (value) => {
    if (typeof value === 'string' && HASHED.test(value)) return value
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return `sha256:${hash('sha256', `${salt}\n${text}`, 'hex')}`
  }
}

function descend(value: unknown, steps: readonly PathStep[], at: number, action: Action): unknown {
  const step = steps[at]
  if (step === undefined) return action(value)
  if (Array.isArray(value)) {
    const next = step.kind === 'all' ? at + 1 : at
    return value.map((element) => descend(element, steps, next, action)).filter((element) => element !== DROPPED)
  }
  if (!isObject(value)) return step.kind === 'all' ? descend(value, steps, at + 1, action) : value
  if (step.kind === 'name') {
    if (Object.hasOwn(value, step.name)) replace(value, step.name, steps, at + 1, action)
    return value
  }
  for (const name of Object.keys(value)) replace(value, name, steps, at + 1, action)
  return at + 1 < steps.length ? descend(value, steps, at + 1, action) : value
}

function replace(
  parent: Record<string, unknown>,
  name: string,
  steps: readonly PathStep[],
  at: number,
  action: Action,
): void {
  const masked = descend(parent[name], steps, at, action)
  if (masked === DROPPED) delete parent[name]
  else parent[name] = masked
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !JSON.isRawJSON(value)
}
