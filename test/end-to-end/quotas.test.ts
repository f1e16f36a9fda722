import { type Lab, startLab } from '@landbridge/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectFrom, documents, topic } from './mesh.ts'

let lab: Lab
beforeAll(async () => {
  const limited = documents(2).replace(
    '[publish, subscribe]',
    '[publish, subscribe]\n  quotas: { eventsPerSecond: 100 }',
  )
  lab = await startLab({ regions: ['us-east', 'eu-west'], documents: limited })
})
afterAll(() => lab.close())

const event = (id: string) => ({ id, type: 'probe', extensions: { sequence: '1' } })
const events = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => event(`${prefix}-${index}`))

test('a client waits for its quota as long as it is told, and goes to no other region because of it', async () => {
  await using mesh = connectFrom(lab, 'us-east')
  const begunAt = performance.now()
  const receipts = [
    ...(await mesh.publish(topic, events('first', 200))),
    ...(await mesh.publish(topic, event('second'))),
  ]
  expect(performance.now() - begunAt).toBeGreaterThan(900)
  expect(new Set(receipts.map(({ region }) => region))).toEqual(new Set(['us-east']))
})

test('so does a stream, whether it is slowed down or refused', { timeout: 60_000 }, async () => {
  await using mesh = connectFrom(lab, 'eu-west')
  await using stream = mesh.publishStream(topic, { timeoutMs: 50_000 })
  const begunAt = performance.now()
  const sends = []
  // Small sends fit in between; 300 events are waited for longer than a gateway lets a batch wait.
  for (const count of [50, 100, 100, 300, 50]) sends.push(await stream.send(events(`s${sends.length}`, count)))
  const receipts = await Promise.all(sends.map(({ acknowledged }) => acknowledged))
  // What was taken as a whole is paid for by what comes next.
  const [last] = await mesh.publish(topic, event('last'))
  expect(last?.region).toBe('eu-west')
  expect(performance.now() - begunAt).toBeGreaterThan(4_000)
  expect(receipts.map(({ region }) => region)).toEqual(receipts.map(() => 'eu-west'))
})
