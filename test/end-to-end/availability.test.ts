import type { AcknowledgedEvent, AuditReport } from '@landbridge/lab'
import { expect, test, vi } from 'vitest'
import { auditMesh, connectFrom, publishUntil, startMesh, topic } from './mesh.ts'

const clean = { missing: 0, duplicates: 0, orderViolations: 0, differing: 0 } satisfies Partial<AuditReport>
const settled = { timeout: 30_000, interval: 200 }

test('gateways that drain one after the other fail no call of a client that retries', { timeout: 90_000 }, async () => {
  await using lab = await startMesh()
  const stop = new AbortController()
  await using east = connectFrom(lab, 'us-east')
  await using west = connectFrom(lab, 'eu-west')
  const publishing = Promise.all([
    publishUntil(east, 'us-east', stop.signal),
    publishUntil(west, 'eu-west', stop.signal),
  ])
  for (const name of ['us-east', 'eu-west']) {
    const [exit] = await lab.region(name).kill('gateway', { signal: 'SIGTERM' })
    expect(exit).toMatchObject({ code: 0 })
    await lab.region(name).start('gateway')
  }
  stop.abort()
  const acknowledged = (await publishing).flat()
  expect(acknowledged.length).toBeGreaterThan(100)
  await vi.waitFor(async () => expect(await auditMesh(lab, acknowledged)).toMatchObject(clean), settled)
})

test('a publisher goes on through another region when its own is killed, and comes back', {
  timeout: 90_000,
}, async () => {
  await using lab = await startMesh()
  const stop = new AbortController()
  await using mesh = connectFrom(lab, 'us-east')
  const probes: AcknowledgedEvent[] = []
  let counter = 0
  const regionOf = async () => {
    counter += 1
    const [id, sequence] = [`probe-${counter}`, `${counter}`]
    const probe = { id, type: 'probe', partitionKey: 'probe', extensions: { sequence } }
    const [receipt] = await mesh.publish(topic, probe)
    probes.push({ topic, identity: `urn:service:us-east ${id}` })
    return receipt?.region
  }
  expect(await regionOf()).toBe('us-east')
  await using other = connectFrom(lab, 'us-east')
  const publishing = publishUntil(other, 'us-east', stop.signal)
  await lab.region('us-east').kill('all')
  await vi.waitFor(async () => expect(await regionOf()).toBe('eu-west'), settled)
  await lab.region('us-east').start('all')
  await vi.waitFor(async () => expect(await regionOf()).toBe('us-east'), settled)
  stop.abort()
  const acknowledged = [...probes, ...(await publishing)]
  await vi.waitFor(async () => expect(await auditMesh(lab, acknowledged)).toMatchObject(clean), settled)
})

test('a subscriber is shown each event once although its region is killed and comes back', {
  timeout: 90_000,
}, async () => {
  await using lab = await startMesh()
  await using reader = connectFrom(lab, 'us-east')
  await using writer = connectFrom(lab, 'eu-west')
  const shown: string[] = []
  const reading = new AbortController()
  const done = (async () => {
    for await (const { event } of reader.subscribe(topic, { from: 'earliest', signal: reading.signal }))
      shown.push(event.id)
  })().catch((cause: unknown) => expect(reading.signal.aborted, String(cause)).toBe(true))
  const publish = (id: string) =>
    writer.publish(topic, { id, type: 't', partitionKey: 'k', extensions: { sequence: '1' } })
  for (const id of ['1', '2', '3']) await publish(id)
  await vi.waitFor(() => expect(shown).toEqual(['1', '2', '3']), settled)
  await lab.region('us-east').kill('all')
  for (const id of ['4', '5']) await publish(id)
  await vi.waitFor(() => expect(shown).toEqual(['1', '2', '3', '4', '5']), settled)
  await lab.region('us-east').start('all')
  for (const id of ['6', '7']) await publish(id)
  await vi.waitFor(() => expect(shown).toEqual(['1', '2', '3', '4', '5', '6', '7']), settled)
  reading.abort()
  await done
})
