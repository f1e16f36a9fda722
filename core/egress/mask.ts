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

/** What an action leaves to be known of a value, most first. */
const BY_WHAT_IS_LEFT = ['hash', 'redact', 'drop'] as const

/** A value in JSON data that a mask hides, with what is to become of it. */
class Hidden {
  readonly action: MaskRule['action']
  readonly value: unknown

  constructor(action: MaskRule['action'], value: unknown) {
    this.action = action
    this.value = value
  }
}

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

/**
 * Masks that hide only what each of several sets of rules hides, and leave of it as much to be known as one of them does.
 * Takes one copy of the data for each set: they are changed.
 */
export function jointMaskerOf(sets: readonly (readonly MaskRule[])[], salt: string): (copies: unknown[]) => unknown {
  const hiders = sets.map((rules) => rules.map(hiderOf))
  return (copies) => {
    const marked = hiders.map((hide, index) => hide.reduce((data, apply) => apply(data), copies[index]))
    const shown = render(marked.reduce(leastHidden), salt)
    return shown === DROPPED ? null : shown
  }
}

function hiderOf({ path, action }: MaskRule): Masker {
  const steps = unwrap(parsePath(path))
  return (data) =>
    descend(data, steps, 0, (value) => {
      if (!(value instanceof Hidden)) return new Hidden(action, value)
      return rank(value.action) >= rank(action) ? value : new Hidden(action, value.value)
    })
}

/** Both are the same data, hidden in different places. */
function leastHidden(a: unknown, b: unknown): unknown {
  if (a instanceof Hidden) return b instanceof Hidden && rank(b.action) >= rank(a.action) ? a : b
  if (b instanceof Hidden) return a
  if (Array.isArray(a) && Array.isArray(b)) return a.map((element, index) => leastHidden(element, b[index]))
  if (isObject(a) && isObject(b)) for (const name of Object.keys(a)) a[name] = leastHidden(a[name], b[name])
  return a
}

function render(value: unknown, salt: string): unknown {
  if (value instanceof Hidden) return actionOf(value, salt)(render(value.value, salt))
  if (Array.isArray(value)) {
    return value.map((element) => render(element, salt)).filter((element) => element !== DROPPED)
  }
  if (!isObject(value)) return value
  for (const name of Object.keys(value)) put(value, name, render(value[name], salt))
  return value
}

function rank(action: MaskRule['action']): number {
  return BY_WHAT_IS_LEFT.indexOf(action)
}

function actionOf({ action }: Pick<MaskRule, 'action'>, salt: string): Action {
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
  put(parent, name, descend(parent[name], steps, at, action))
}

function put(parent: Record<string, unknown>, name: string, value: unknown): void {
  if (value === DROPPED) delete parent[name]
  else parent[name] = value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !JSON.isRawJSON(value) && !(value instanceof Hidden)
}
