// In the language since ES2026, not yet in TypeScript's library.
declare global {
  interface JSON {
    rawJSON(text: string): object
    isRawJSON(value: unknown): boolean
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown
  }
}

// A number that JavaScript might write in another way than it was written; a match within a text costs time, no more.
const DELICATE_NUMBER = /[0-9]{16}|[0-9][.eE]|-0/

/**
 * Reads JSON so that `JSON.stringify` writes every number as it was, however large or precise. Throws for other text and
 * for nesting beyond the stack.
 */
export function parseExact(text: string): unknown {
  if (!DELICATE_NUMBER.test(text)) return JSON.parse(text)
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined ? JSON.rawJSON(source) : value,
  )
}

/**
 * Reads JSON for the expression engine, which tells the type of a value by its `constructor`: an object with a member of
 * that name becomes a map. Throws for other text.
 */
export function parseForExpressions(text: string): unknown {
  // An escape may hide the name.
  if (!text.includes('constructor') && !text.includes('\\u')) return JSON.parse(text)
  return JSON.parse(text, (_key, value) =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, 'constructor')
      ? new Map(Object.entries(value))
      : value,
  )
}
