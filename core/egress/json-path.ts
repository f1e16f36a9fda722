import { fail, type Result, succeed } from '../result.ts'

/** One step into JSON data. */
export type PathStep =
  /** The member of that name. */
  | { readonly kind: 'name'; readonly name: string }
  /** Every element of a list, every member of an object. */
  | { readonly kind: 'all' }

/** Longest path, in characters. */
export const PATH_LENGTH_MAX = 256
const STEPS_MAX = 16
const STEP = /\.([A-Za-z0-9_$@-]+)|\[(\*)\]|\[("(?:[^"\\]|\\.)+")\]/y

/** Reads `data.customer.email`, `data.items[*].price`, `data["a name"]`; just `data` has no steps. */
export function parsePath(text: string): Result<readonly PathStep[]> {
  const wrong = fail(
    'invalid_argument',
    'path: cannot be read, wanted one like data.customer.email or data.items[*].card',
  )
  if (text.length > PATH_LENGTH_MAX || !text.startsWith('data')) return wrong
  const steps: PathStep[] = []
  let at = 'data'.length
  while (at < text.length) {
    STEP.lastIndex = at
    const match = STEP.exec(text)
    if (match === null) return wrong
    const [whole, plain, all, quoted] = match
    const name = plain ?? (quoted === undefined ? undefined : unquoted(quoted))
    if (all === undefined && name === undefined) return wrong
    steps.push(name === undefined ? { kind: 'all' } : { kind: 'name', name })
    at += whole.length
  }
  if (steps.length > STEPS_MAX)
    return fail('invalid_argument', `path: has ${steps.length} steps, wanted at most ${STEPS_MAX}`)
  return succeed(steps)
}

function unquoted(json: string): string | undefined {
  try {
    return String(JSON.parse(json))
  } catch {
    return undefined
  }
}
