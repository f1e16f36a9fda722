import { parseHeaders, parseSubject, scanAttributes, unwrap } from '@landbridge/core'
import { type LabRegion, visitStream } from '@landbridge/lab'
import { NatsSession } from '@landbridge/nats'
import { type ChaosTopic, type History, SECRET, SIZE_ATTRIBUTE } from './history.ts'
import { StreamLog } from './stream-log.ts'

/** Reads what every region holds of these topics, from its servers and not through a gateway. */
export async function readLogs(
  regions: readonly LabRegion[],
  history: History,
  topics: readonly ChaosTopic[] = history.topics,
): Promise<readonly StreamLog[]> {
  const logs = regions.map(async (region) => {
    await using session = await NatsSession.connect({ servers: [...region.natsUrls], name: 'chaos audit' })
    const ofRegion: StreamLog[] = []
    for (const { name, regions: holders } of topics) {
      if (holders.includes(region.name)) ofRegion.push(await readLog(session, region.name, name, history))
    }
    return ofRegion
  })
  return (await Promise.all(logs)).flat()
}

async function readLog(session: NatsSession, region: string, topic: string, history: History): Promise<StreamLog> {
  const log = new StreamLog(history.regionIndex(region), topic)
  await visitStream(session, topic, (message) => {
    const subject = unwrap(parseSubject(message.subject))
    if (subject.control) {
      log.controls++
      return
    }
    const attributes = scanAttributes(message.payload)
    const publisher = history.publisherOf(attributes.get('source') ?? '')
    const number = Number(attributes.get('id'))
    const origin = history.regionIndex(subject.origin)
    const tried = publisher === undefined ? 0 : (history.publishers[publisher]?.last ?? 0)
    if (publisher === undefined || origin < 0 || !(number >= 1 && number <= tried)) {
      log.stranger(`${message.subject}:${message.sequence} ${attributes.get('source')} ${attributes.get('id')}`)
      return
    }
    if (
      origin !== log.region &&
      Buffer.from(message.payload.buffer, message.payload.byteOffset, message.payload.length).includes(SECRET)
    ) {
      log.leak(`${message.subject}:${message.sequence} shows the secret of ${attributes.get('id')}`)
    }
    if (message.payload.length < Number(attributes.get(SIZE_ATTRIBUTE))) {
      log.stranger(
        `${message.subject}:${message.sequence} has ${message.payload.length} bytes, less than was published`,
      )
    }
    const headers = unwrap(parseHeaders((name) => message.header(name)))
    const { sequence, stamp } = headers.origin?.position ?? { sequence: message.sequence, stamp: message.stampNs }
    log.push({ publisher, number, origin, sequence, stamp })
  })
  return log
}
