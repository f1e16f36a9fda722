import { createInbox } from '@nats-io/nats-core'

const READER = /^r-[0-9A-Za-z]{22}$/

/** A new name for the consumer of one reader, that no other has. */
export function readerName(): string {
  return `r-${createInbox().slice('_INBOX.'.length)}`
}

/** Whether a consumer of this name is a reader's, and no group's. */
export function isReader(consumer: string): boolean {
  return READER.test(consumer)
}
