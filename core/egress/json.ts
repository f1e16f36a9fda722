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
