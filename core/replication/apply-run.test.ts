import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReceiverModel, type Rule } from '../testing/receiver-model.ts'

const TICKS = 600

describe('apply run', () => {
  it('brings every event exactly once and in order through losses, crashes and races', () => {
    const seen: Record<string, number> = {}
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), (seed) => {
        const model = new ReceiverModel(seed)
        const problems = model.run(TICKS)
        for (const [name, times] of Object.entries(model.seen)) seen[name] = (seen[name] ?? 0) + times
        expect(problems).toEqual([])
      }),
      { numRuns: 300 },
    )
    // Otherwise the property would hold of a model in which nothing happens.
    const { holes: _, ...happened } = seen
    for (const [name, times] of Object.entries(happened)) expect(times, name).toBeGreaterThan(0)
  })

  it.each<{ rule: Rule }>([
    { rule: 'checkpoint-guard' },
    { rule: 'after-batch' },
    { rule: 'session' },
    { rule: 'fence' },
    { rule: 'copy-check' },
  ])('goes wrong without $rule', ({ rule }) => {
    const failing = seeds(3000).find((seed) => new ReceiverModel(seed, [rule]).run(TICKS).length > 0)
    expect(failing).toBeDefined()
  })
})

function seeds(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}
