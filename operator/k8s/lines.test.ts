import { expect, test } from 'vitest'
import { linesOf } from './lines.ts'

async function* chunksOf(text: string, bytes: number) {
  const all = new TextEncoder().encode(text)
  for (let at = 0; at < all.length; at += bytes) yield all.subarray(at, at + bytes)
}

test.each([1, 2, 3, 100])('lines and letters are whole when they come in pieces of %i bytes', async (bytes) => {
  expect(await Array.fromAsync(linesOf(chunksOf('größe\n\n{"a":"→"}\nrest', bytes)))).toEqual([
    'größe',
    '',
    '{"a":"→"}',
    'rest',
  ])
})

test('a text that ends with a line break has no line after it', async () => {
  expect(await Array.fromAsync(linesOf(chunksOf('a\nb\n', 3)))).toEqual(['a', 'b'])
  expect(await Array.fromAsync(linesOf(chunksOf('', 1)))).toEqual([])
})
