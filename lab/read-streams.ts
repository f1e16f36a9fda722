import { eventFilters, parseSubject, parseTopicName, scanAttributes, streamName, unwrap } from '@landbridge/core'
import { NatsSession, type StoredMessage, StreamReader, streamStatus } from '@landbridge/nats'
import type { StoredEvent, StreamContent } from './audit.ts'

/** Without a record for so long, a stream counts as one that cannot be read. */
const SILENCE_MS_MAX = 60_000

/**
 * Everything that a region's streams hold of some topics, read from its NATS servers and not through a gateway.
 * Events must carry the `sequence` extension, in which their publisher counted them for each key.
 */
export async function readStreams(
  region: { readonly name: string; readonly natsUrls: readonly string[] },
  topics: readonly string[],
): Promise<readonly StreamContent[]> {
  await using session = await NatsSession.connect({ servers: [...region.natsUrls], name: 'landbridge-audit' })
  const contents: StreamContent[] = []
  for (const topic of topics) contents.push({ region: region.name, topic, events: await readStream(session, topic) })
  return contents
}

async function readStream(session: NatsSession, topic: string): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = []
  await visitStream(session, topic, (message) => {
    const event = storedEvent(message)
    if (event) events.push(event)
  })
  return events
}

/**
 * Shows every record of a topic's stream, control records included, in stream order, as far as it reaches now.
 * @throws {Error} when there is no such stream, or nothing comes of it for a minute
 */
export async function visitStream(
  session: NatsSession,
  topic: string,
  onMessage: (message: StoredMessage) => void,
): Promise<void> {
  const name = unwrap(parseTopicName(topic))
  const stream = streamName(name)
  const status = await streamStatus(session, stream)
  if (status === undefined)
    throw new Error(`read ${topic}: there is no stream ${stream}, wanted the topic to be declared`)
  if (status.messages === 0) return
  const { lastSequence } = status
  const done = Promise.withResolvers<void>()
  let position = 0
  const timer = setTimeout(
    () =>
      done.reject(new Error(`read ${topic}: nothing behind ${position} of ${lastSequence} for ${SILENCE_MS_MAX} ms`)),
    SILENCE_MS_MAX,
  )
  await using _reader = new StreamReader({
    session,
    stream,
    filters: eventFilters(name),
    start: 'all',
    onMessage: (message) => {
      if (message.sequence > lastSequence) return
      onMessage(message)
      position = message.sequence
      timer.refresh()
      if (position === lastSequence || message.pending === 0) done.resolve()
    },
    onEnd: (error) => done.reject(error ?? new Error(`read ${topic}: ended before its last event`)),
  })
  try {
    await done.promise
  } finally {
    clearTimeout(timer)
  }
}

function storedEvent({ subject, payload }: StoredMessage): StoredEvent | undefined {
  const { origin, control } = unwrap(parseSubject(subject))
  if (control) return undefined
  const attributes = scanAttributes(payload)
  const source = attributes.get('source') ?? ''
  return {
    identity: `${source} ${attributes.get('id')}`,
    origin,
    // Each publisher counts for itself.
    key: `${source} ${attributes.get('partitionkey')}`,
    counter: Number(attributes.get('sequence')),
  }
}
