import { hash } from 'node:crypto'

/** Longest message id that is written in plain, in characters; longer ones are hashed. */
export const MESSAGE_ID_LENGTH_MAX = 140

/**
 * The `Nats-Msg-Id` of an event, by which each region drops repeats.
 *
 * 1. Equal for equal `source` and `id`, different otherwise (or a SHA-256 collision).
 * 2. Safe as a header value: printable ASCII without spaces, at most 140 characters.
 * 3. Published contract: "<length of id>:<id><source>" when that is header safe
 *    and short enough, otherwise "h:" and the SHA-256, in unpadded base64url, of
 *    that same text in UTF-8 (the length in UTF-16 units).
 */
export function messageId(event: { readonly source: string; readonly id: string }): string {
  const text = `${event.id.length}:${event.id}${event.source}`
  if (text.length <= MESSAGE_ID_LENGTH_MAX && isHeaderSafe(event.id) && isHeaderSafe(event.source)) return text
  return `h:${hash('sha256', text, 'base64url')}`
}

/** Printable ASCII without the space: a header value is trimmed, and ends at a line break. */
function isHeaderSafe(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x21 || unit > 0x7e) return false
  }
  return true
}
