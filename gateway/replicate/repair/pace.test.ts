import { expect, test } from 'vitest'
import { Paces } from './pace.ts'

const TOPIC = 'acme/orders'
const { signal } = new AbortController()

test.each<readonly [what: string, applied: readonly number[]]>([
  ['nobody tells', []],
  ['a region has it', [10]],
  ['one region has it, and another is far behind', [3, 11]],
])('goes on at once when %s', async (_, applied) => {
  const startedAt = performance.now()
  await new Paces(() => applied).of(TOPIC).followed(10, signal)
  expect(performance.now() - startedAt).toBeLessThan(200)
})

test('waits for the first region', async () => {
  let applied = [8, 9]
  const waiting = new Paces((topic) => (topic === TOPIC ? applied : [])).of(TOPIC).followed(10, signal)
  await expect(Promise.race([waiting.then(() => 'followed'), turns(20)])).resolves.toBe('waits')
  applied = [8, 10]
  await waiting
})

test('does not wait for ever', async () => {
  const startedAt = performance.now()
  await new Paces(() => [9]).of(TOPIC).followed(10, signal)
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1_000)
})

test('ends with its signal', async () => {
  const leave = new AbortController()
  const waiting = new Paces(() => [9]).of(TOPIC).followed(10, leave.signal)
  leave.abort()
  await waiting
})

async function turns(count: number): Promise<string> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
  return 'waits'
}
