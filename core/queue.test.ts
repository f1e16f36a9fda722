import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Queue } from './queue.ts'

describe('Queue', () => {
  it('does what an array does', () => {
    const operation = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('push' as const), count: fc.nat(9_000) }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('shift' as const), count: fc.nat(9_000) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('front' as const), count: fc.nat(5) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('remove' as const), count: fc.integer({ min: 2, max: 5 }) }),
      },
    )
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 12 }), (operations) => {
        const queue = new Queue<number>()
        let model: number[] = []
        let next = 1
        for (const { kind, count } of operations) {
          if (kind === 'front') {
            const items = Array.from({ length: count }, () => next++)
            queue.pushFront(items)
            model.unshift(...items)
          }
          if (kind === 'remove') {
            queue.remove((item) => item % count === 0)
            model = model.filter((item) => item % count !== 0)
          }
          for (let n = 0; n < count && kind === 'push'; n++) {
            queue.push(next)
            model.push(next++)
          }
          if (kind === 'shift') {
            for (let n = 0; n < count; n++) if (queue.shift() !== model[n]) return false
            model.splice(0, count)
          }
          if (queue.length !== model.length || queue.peek() !== model[0]) return false
        }
        return true
      }),
      { numRuns: 60 },
    )
    expect(new Queue().shift()).toBeUndefined()
  })
})
