import { setTimeout as pause } from 'node:timers/promises'
import { connect } from '@landbridge/client'
import { type AcknowledgedEvent, auditStreams, readStreams, startLab } from '@landbridge/lab'
import { expect, test, vi } from 'vitest'
import { documents, topic } from './mesh.ts'

const settled = { timeout: 30_000, interval: 50 }

// The story: the batch in flight when NATS was killed failed, what was queued behind it in the gateway was stored after
// the restart, and then the client sent the failed batch again: four restarts made 50 order violations.
test('the events of one key keep their order in a publish stream while NATS is killed', {
  timeout: 120_000,
}, async () => {
  await using lab = await startLab({ regions: ['us-east'], documents: documents(1) })
  const region = lab.region('us-east')
  await using mesh = connect({
    endpoints: region.endpoints,
    tls: { ca: lab.caFile },
    token: () => lab.token({ subject: 'service-a' }),
    source: 'urn:service:a',
  })
  const stream = mesh.publishStream(topic)
  const acknowledged: AcknowledgedEvent[] = []
  const failed: unknown[] = []
  const stop = new AbortController()
  const publishing = (async () => {
    for (let counter = 1; !stop.signal.aborted; counter++) {
      const id = `e-${counter}`
      const event = { id, type: 't', partitionKey: 'k', extensions: { sequence: `${counter}` }, data: 'x'.repeat(200) }
      const sent = await stream.send(event)
      sent.acknowledged.then(
        () => acknowledged.push({ topic, identity: `urn:service:a ${id}` }),
        (error) => failed.push(error),
      )
      // Several batches should be on their way.
      if (counter % 50 === 0) await pause(1)
    }
  })()
  for (let round = 0; round < 3; round++) {
    const before = acknowledged.length
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 20_000), settled)
    await region.kill('nats')
    await region.start('nats')
  }
  const before = acknowledged.length
  await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 1_000), settled)
  stop.abort()
  await publishing
  await stream.close()
  expect(failed).toEqual([])
  const report = auditStreams(await readStreams(region, [topic]), acknowledged)
  expect(report).toMatchObject({ orderViolations: 0, missing: 0, duplicates: 0, examples: [] })
})
