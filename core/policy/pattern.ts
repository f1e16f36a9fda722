/** A compiled pattern. */
export type Matcher = (text: string) => boolean

/**
 * Compiles a pattern in which "*" stands for any characters, none included.
 * Matching costs at most (length of the text) x (length of the pattern) steps,
 * whatever both hold: the parts between stars are looked for from left to right,
 * and the first place where a part fits leaves most room for the next ones.
 */
export function compilePattern(pattern: string): Matcher {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return (text) => text === pattern
  if (first === '' && last === '' && rest.every((part) => part === '')) return () => true
  const middle = rest.filter((part) => part !== '')
  const lengthMin = first.length + last.length
  return (text) => {
    if (text.length < lengthMin || !text.startsWith(first) || !text.endsWith(last)) return false
    let at = first.length
    const end = text.length - last.length
    for (const part of middle) {
      const found = text.indexOf(part, at)
      if (found < 0) return false
      at = found + part.length
    }
    return at <= end
  }
}
