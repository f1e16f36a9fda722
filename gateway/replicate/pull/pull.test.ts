import { expect, test } from 'vitest'
import type { PullContext } from './context.ts'
import { Pull } from './pull.ts'

// The story: whatever threw outside of a run ended its pull for good. It was logged once, and that origin's events stood
// still until the next change of the configuration.
test('a pull that fails unexpectedly begins again, after a wait', async () => {
  const asked: number[] = []
  const errors: unknown[] = []
  const more = Promise.withResolvers<void>()
  const routes = {
    addRoute: () => undefined,
    removeRoute: () => undefined,
    want: () => undefined,
    // The first question is that of the route itself, as it is made.
    candidates: () => {
      asked.push(performance.now())
      if (asked.length === 2 || asked.length === 3) throw new TypeError('planted')
      if (asked.length === 4) more.resolve()
      return []
    },
  }
  const context = {
    routes,
    session: { onChange: () => () => undefined },
    metrics: { topicLabel: () => '' },
    log: { error: ({ err }: { err: unknown }) => errors.push(err) },
    random: () => 0.5,
  } as unknown as PullContext
  await using pull = new Pull(context, 'acme/orders', 'us-east')
  await more.promise
  expect(errors).toEqual([new TypeError('planted'), new TypeError('planted')])
  const [, first = 0, second = 0, third = 0] = asked
  expect(second - first).toBeGreaterThanOrEqual(70)
  expect(third - second).toBeGreaterThanOrEqual(140)
  await pull.close()
  expect(asked).toHaveLength(4)
})
