import { expect, it } from 'vitest'
import { demoTopics, webhookEvents } from './webhooks.ts'

it('turns every example payload into an event of a declared topic with a key', () => {
  const events = webhookEvents()
  expect(events.length).toBeGreaterThan(300)
  for (const event of events) {
    expect(demoTopics).toContain(event.topic)
    expect(event.type).toMatch(/^com\.github\.[a-z0-9_]+(\.[a-z0-9_-]+)?$/)
    expect(event.partitionKey).not.toBe('')
  }
  expect(new Set(events.map((event) => event.topic)).size).toBe(demoTopics.length)
})
