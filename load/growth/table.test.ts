import { expect, test } from 'vitest'
import type { GrowthRow } from './measure.ts'
import { growthFigures, withFigures } from './table.ts'

const COST = { idleCpuMsPerSecond: 8, cpuUsPerEvent: 583.4, memoryMiB: 206.9 }
const ROW: GrowthRow = {
  ...{ regions: 3, topics: 10, events: 6_000, origin: COST, receiver: COST, originServer: COST },
  ...{ consumers: 2, awake: 0 },
}
const ENVIRONMENT = {
  ...{ date: '2026-11-21T14:30:45.208Z', command: 'node load/growth/main.ts', commit: 'abcdef123456', cpu: 'a CPU' },
  ...{ cores: 2, memoryGiB: 24, system: 'linux', node: 'v26.10.0', natsServer: '2.15.2', loadBefore: 0.4, rounds: 1 },
}

test('a table, what it was measured on, and which sizes were not at rest', () => {
  expect(`\n${growthFigures([ROW, { ...ROW, topics: 100, awake: 7 }], ENVIRONMENT)}\n`).toMatchInlineSnapshot(`
    "
    | regions | topics | origin: CPU/event | idle CPU | memory | receiver: CPU/event | idle CPU | memory | NATS at the origin: idle CPU | consumers while idle |
    | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
    | 3 | 10 | 583 us | 0.8% | 207 MiB | 583 us | 0.8% | 207 MiB | 0.8% | 2 |
    | 3 | 100 | 583 us | 0.8% | 207 MiB | 583 us | 0.8% | 207 MiB | 0.8% | 2 |

    2026-11-21, commit abcdef123456, \`node load/growth/main.ts\`: 6,000 events for each size. a CPU, 2 cores, Node v26.10.0, nats-server
    2.15.2; load average before the run 0.4.
    3 regions, 100 topics: 7 readers did not sleep, so its idle figures are not of a mesh at rest.
    "
  `)
})

test('a page gets the figures between its marks, however often', () => {
  const marks = [
    '<!-- what follows is written by `make growth ARGS="--doc docs/growth.md"` -->',
    '<!-- end of what was written -->',
  ]
  const once = withFigures(`before\n${marks.join('\nold\n')}\nafter`, 'new')
  expect(once).toBe(`before\n${marks.join('\n\nnew\n\n')}\nafter`)
  expect(withFigures(once, 'new')).toBe(once)
  expect(() => withFigures('no marks', 'new')).toThrow('no place for them')
})
