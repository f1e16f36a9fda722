import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lineBatches } from './line-batches.ts'

async function batchesOf(chunks: readonly Buffer[]) {
  return await Array.fromAsync(lineBatches(stream(chunks)))
}

async function* stream(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks
}

test('lines survive any cut of the bytes, in order and with their numbers', async () => {
  const text = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '漢', '🦊', ' ') }))
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(64)), async (lines, cuts) => {
      const bytes = Buffer.from(lines.join('\n'))
      const points = [...new Set(cuts.map((cut) => Math.min(cut, bytes.length)))].sort((a, b) => a - b)
      const chunks = [0, ...points].map((start, index) => bytes.subarray(start, points[index] ?? bytes.length))
      const read = (await batchesOf(chunks)).flat()
      const wanted = lines.map((line, index) => ({ number: index + 1, text: line }))
      expect(read).toEqual(wanted.filter((line) => line.text.trim() !== ''))
    }),
  )
})

test('batches are bounded by lines and by size', async () => {
  const many = await batchesOf([Buffer.from('1\n'.repeat(450))])
  expect(many.map((batch) => batch.length)).toEqual([200, 200, 50])
  const large = await batchesOf([Buffer.from(`${'x'.repeat(700_000)}\n`.repeat(3))])
  expect(large.map((batch) => batch.length)).toEqual([1, 1, 1])
})

test('a line without end is refused', async () => {
  const chunk = Buffer.alloc(4 * 1024 * 1024, 'x')
  await expect(batchesOf([Buffer.from('ok\n'), chunk, chunk, chunk, chunk])).rejects.toThrow('line 2: is longer')
})
