// C0 and C1 controls, and the marks that reorder text: they could rewrite what a terminal shows.
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what this looks for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Text of others, safe for a terminal: control characters are shown as escapes. `lines` leaves line feeds alone. */
export function printable(text: string, options: { readonly lines?: boolean } = {}): string {
  return text.replace(CONTROLS, (control) => {
    if (control === '\n' && options.lines === true) return control
    if (control === '\n') return '\\n'
    if (control === '\t') return '\\t'
    if (control === '\r') return '\\r'
    return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
