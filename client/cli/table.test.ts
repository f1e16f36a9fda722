import { expect, test } from 'vitest'
import { type Column, formatTable } from './table.ts'

type Row = { readonly name: string; readonly count: number }
const columns: readonly Column<Row>[] = [
  { title: 'NAME', text: (row) => row.name },
  {
    title: 'COUNT',
    text: (row) => String(row.count),
    align: 'right',
    colour: (row) => (row.count > 9 ? 'red' : undefined),
  },
  { title: 'NOTE', text: () => '' },
]
const rows = [
  { name: 'a', count: 5 },
  { name: 'longer', count: 12 },
]

test('columns are aligned and no line ends in spaces', () => {
  expect(formatTable(columns, rows, { colours: false })).toBe(
    ['NAME    COUNT  NOTE', 'a           5', 'longer     12', ''].join('\n'),
  )
})

test('colours do not count as width', () => {
  const plain = formatTable(columns, rows, { colours: false })
  const painted = formatTable(columns, rows, { colours: true })
  expect(painted).toContain('\u001b[31m12')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ANSI colours
  const stripped = painted.replaceAll(/\u001b\[\d+m/g, '')
  expect(stripped.split('\n').map((line) => line.trimEnd())).toEqual(plain.split('\n'))
})

test('text of others cannot move the cursor', () => {
  const text = formatTable(columns, [{ name: 'a\u001b[2Jb\nc', count: 1 }], { colours: false })
  expect(text).toContain('a\\u001b[2Jb\\nc')
})

test('without rows only the heading is left', () => {
  expect(formatTable(columns, [], { colours: false })).toBe('NAME  COUNT  NOTE\n')
})
