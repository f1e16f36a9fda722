import { startLab } from '@landbridge/lab'
import { expect, test, vi } from 'vitest'
import { auditMesh, connectFrom, documents, topic } from './mesh.ts'

// The story: a region accepted an event that just fitted into its NATS server. With the headers of replication it did
// not fit into the other region's, and the topic's replication stood still for good.
test('the largest event that a region accepts reaches the other region', { timeout: 60_000 }, async () => {
  const regions = ['us-east', 'eu-west']
  await using lab = await startLab({ regions, documents: documents(4), natsConfig: 'max_payload: 1048576' })
  await using mesh = connectFrom(lab, 'us-east')
  const acknowledged: { topic: string; identity: string }[] = []
  const publish = async (bytes: number) => {
    const id = `e-${bytes}`
    await mesh.publish(topic, {
      id,
      type: 't',
      partitionKey: `${bytes}`,
      extensions: { sequence: '1' },
      data: new Uint8Array(bytes),
    })
    acknowledged.push({ topic, identity: `urn:service:us-east ${id}` })
  }
  // The largest that is accepted, by halves.
  let accepted = 1_000_000
  let refused = 1_048_576
  await publish(accepted)
  while (refused - accepted > 1) {
    const bytes = Math.floor((accepted + refused) / 2)
    try {
      await publish(bytes)
      accepted = bytes
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('1047685') })
      refused = bytes
    }
  }
  expect(1_048_576 - accepted).toBeLessThan(1_500)
  await publish(10)
  const clean = { missing: 0, duplicates: 0, differing: 0 }
  await vi.waitFor(async () => expect(await auditMesh(lab, acknowledged)).toMatchObject(clean), {
    timeout: 20_000,
    interval: 200,
  })
})
