import { expect, it } from 'vitest'
import { concerns, wipesTooClose } from './wipe.ts'

const wipe = (region: number, untilMs: number) => ({ region, fromMs: 0, untilMs })

it('finds regions that forgot too soon after one another', () => {
  expect(wipesTooClose([wipe(0, 1_000), wipe(1, 26_000), wipe(0, 60_000)], 25_000)).toEqual([])
  expect(wipesTooClose([wipe(1, 25_999), wipe(0, 1_000)], 25_000)).toEqual([
    'wipes: region 1 forgot 24999 ms after region 0, wanted 25000 ms or more',
  ])
  // The same region once more takes no second witness.
  expect(wipesTooClose([wipe(0, 1_000), wipe(0, 2_000)], 25_000)).toEqual([])
})

it('knows which topics of which region a wipe took something of', () => {
  expect(concerns(wipe(1, 9), 1, 't/orders')).toBe(true)
  expect(concerns(wipe(1, 9), 0, 't/orders')).toBe(false)
  expect(concerns({ ...wipe(1, 9), topic: 't/orders' }, 1, 't/orders')).toBe(true)
  expect(concerns({ ...wipe(1, 9), topic: 't/orders' }, 1, 't/payments')).toBe(false)
})
