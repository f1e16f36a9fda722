import { expect, test } from 'vitest'
import { RestWatch } from './rest.ts'

test('a mesh is at rest when it has no more consumers than without topics', () => {
  const watch = new RestWatch(6, 1_000)
  expect(watch.look(66, 2_000)).toEqual({ kind: 'settling' })
  expect(watch.look(7, 43_000)).toEqual({ kind: 'settling' })
  expect(watch.look(6, 44_000)).toEqual({ kind: 'at-rest' })
})

test('readers that never sleep are not waited for, and told', () => {
  const watch = new RestWatch(6, 0)
  watch.look(26, 10_000)
  expect(watch.look(16, 50_000)).toEqual({ kind: 'settling' })
  expect(watch.look(16, 104_999)).toEqual({ kind: 'settling' })
  expect(watch.look(16, 105_000)).toEqual({ kind: 'awake', readers: 10 })
})

test('a mesh that goes on falling is not waited for without end', () => {
  const watch = new RestWatch(0, 0)
  for (let second = 0; second < 120; second++)
    expect(watch.look(1_000 - second, second * 1_000)).toEqual({ kind: 'settling' })
  expect(watch.look(880, 120_000)).toEqual({ kind: 'awake', readers: 880 })
})
