import { bytesFieldSize, varintFieldSize, WireReader, WireWriter } from '@landbridge/core'
import { PublishStreamResponseSchema } from '@landbridge/proto'
import type { StartContender } from '../contender.ts'
import { type BenchEvent, EventFactory } from '../event-factory.ts'
import { Stopwatch } from '../stopwatch.ts'
import { GatewayClient } from './gateway-client.ts'

const BATCH = 100
// As many as the gateway takes from one stream before it stops reading.
const BATCHES_IN_FLIGHT = 64
const Field = { batchId: 1, topic: 2, events: 3 } as const
const RESPONSE_FAILURES = PublishStreamResponseSchema.field.failures.number
const RESPONSE_BATCH_ID = PublishStreamResponseSchema.field.batchId.number

/** One service that publishes over one stream. */
export const start: StartContender<'publish-stream'> = async ({ access, topic }) => {
  const client = new GatewayClient(access)
  const factory = new EventFactory()
  return {
    run: ({ seconds }) =>
      new Promise((resolve, reject) => {
        const call = client.open('publishStream')
        const watch = new Stopwatch(seconds)
        let batchId = 0
        let inFlight = 0
        let ended = false
        const fill = () => {
          while (inFlight < BATCHES_IN_FLIGHT && watch.running) {
            inFlight++
            call.write(encodeBatch(++batchId, batchId === 1 ? topic : '', factory.batch(BATCH)))
          }
          if (inFlight > 0 || ended) return
          ended = true
          call.end()
        }
        call.on('data', (response: Buffer) => {
          inFlight--
          if (hasFailures(response)) {
            call.cancel()
            reject(new Error(`publish stream: events were not stored: ${response.toString('latin1')}`))
            return
          }
          watch.acknowledged(BATCH)
          fill()
        })
        call.on('error', reject)
        call.on('end', () => resolve(watch.stop()))
        fill()
      }),
    close: async () => client.close(),
  }
}

function encodeBatch(batchId: number, topic: string, events: readonly BenchEvent[]): Buffer {
  let size = varintFieldSize(Field.batchId, batchId) + (topic === '' ? 0 : bytesFieldSize(Field.topic, topic.length))
  for (const { bytes } of events) size += bytesFieldSize(Field.events, bytes.length)
  const writer = new WireWriter(size)
  writer.varint(Field.batchId, batchId)
  if (topic !== '') writer.text(Field.topic, topic)
  for (const { bytes } of events) writer.bytes(Field.events, bytes)
  return writer.buffer
}

function hasFailures(response: Buffer): boolean {
  const reader = new WireReader(response)
  let answered = false
  while (reader.next()) {
    if (reader.field === RESPONSE_FAILURES) return true
    if (reader.field === RESPONSE_BATCH_ID) answered = true
  }
  return !answered
}
