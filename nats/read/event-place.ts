import { CONTROL_HEADER, HEADER } from '@landbridge/core'
import type { StoredMessage } from './message.ts'

/** The message id of a record's event, and where that event is; a marker names the event that it stands for. */
export function eventPlace(message: StoredMessage): { readonly id: string; readonly sequence: number } | undefined {
  const own = message.header(HEADER.messageId)
  if (own !== undefined) return { id: own, sequence: message.sequence }
  const id = message.header(CONTROL_HEADER.eventId)
  return id === undefined ? undefined : { id, sequence: Number(message.header(CONTROL_HEADER.eventSequence)) }
}
