import { expect, test } from 'vitest'
import { Printer } from './printer.ts'
import { testContext } from './testing/test-context.ts'

const list = {
  columns: [{ title: 'N', text: (row: number) => String(row), colour: () => 'red' as const }],
  json: (row: number) => ({ row }),
  empty: 'Nothing.',
}

test('lists are tables or one JSON array', async () => {
  const context = testContext()
  await new Printer(context, { color: true }).list({ ...list, rows: [1, 2] })
  await new Printer(context, { color: true }).list({ ...list, rows: [] })
  await new Printer(context, { color: true, output: 'json' }).list({ ...list, rows: [] })
  await new Printer(context, { color: true, output: 'json' }).item(String, () => ({ a: 1 }))
  expect(context.out()).toBe('N\n1\n2\nNothing.\n[]\n{"a":1}\n')
})

test('records leave empty values out', async () => {
  const context = testContext()
  const lines = [['name', 'x'] as const, ['none', ''] as const, ['longer', 'y'] as const]
  await new Printer(context, { color: true }).record(lines, {})
  expect(context.out()).toBe('name    x\nlonger  y\n')
})

test.each([
  [{ isTerminal: true }, true, true],
  [{ isTerminal: false }, true, false],
  [{ isTerminal: true }, false, false],
  [{ isTerminal: true, env: { NO_COLOR: '1' } }, true, false],
  [{ isTerminal: true, env: { TERM: 'dumb' } }, true, false],
  [{ isTerminal: false, env: { FORCE_COLOR: '1' } }, true, true],
  [{ isTerminal: true, env: { FORCE_COLOR: '0' } }, true, false],
])('%j with color %s: colours %s', (options, color, colours) => {
  const printer = new Printer(testContext(options), { color })
  expect(printer.paint('x', 'red') !== 'x').toBe(colours)
})
