import { expect, test } from 'vitest'

import { toRow } from './row.ts'
import { formatNumber, formatTable } from './table.ts'

test('columns line up, figures to the right', () => {
  const table = formatTable([
    toRow({
      name: 'PublishStream',
      unit: 'events/s',
      rounds: [72_000, 68_000],
      against: { name: 'js.publish', rounds: [24_000] },
      goal: { kind: 'at-least', times: 3 },
    }),
    toRow({ name: 'gateway CPU', unit: 'us/event', rounds: [9.5] }),
  ])
  expect(`\n${table}\n`).toMatchInlineSnapshot(`
    "
                    value  unit              spread  against      value          spread  ratio  goal
    -------------  ------  --------  --------------  ----------  ------  --------------  -----  -----  ------
    PublishStream  70,000  events/s  68,000..72,000  js.publish  24,000  24,000..24,000  2.92x  >= 3x  MISSED
    gateway CPU      9.50  us/event      9.50..9.50
    "
  `)
})

test('three digits at least', () => {
  expect([0, 0.6123, 14.26, 103_482.4].map(formatNumber)).toEqual(['0.000', '0.612', '14.3', '103,482'])
})
