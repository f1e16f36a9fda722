import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Leftovers } from './leftovers.ts'

function openFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'landbridge-leftovers-'))
  const [group, empty] = [join(folder, 'group'), join(folder, 'empty')]
  // Below a group that the kernel keeps there are only groups; a plain folder is one as far as removing goes.
  const make = (): void => {
    mkdirSync(join(group, 'kubepods/pod'), { recursive: true })
    mkdirSync(empty)
  }
  return {
    folder,
    group,
    empty,
    make,
    record: join(folder, 'made.json'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}

test('what was made is written down first, and removed with its record', async () => {
  using place = openFolder()
  const leftovers = new Leftovers(place.folder)
  await leftovers.clear()
  leftovers.record([place.group], [place.empty])
  place.make()
  await leftovers.clear()
  expect([place.group, place.empty, place.record].filter(existsSync)).toEqual([])
})

test('a record of a run that was killed before it made anything is removed', async () => {
  using place = openFolder()
  const leftovers = new Leftovers(place.folder)
  leftovers.record([place.group], [place.empty])
  await leftovers.clear()
  expect(existsSync(place.record)).toBe(false)
})

test('the pid of a run that was killed may be another process today; a run that goes on is left alone', async () => {
  using place = openFolder()
  const leftovers = new Leftovers(place.folder)
  leftovers.record([place.group], [])
  place.make()
  const mine = JSON.parse(readFileSync(place.record, 'utf8'))
  const parent = readFileSync(`/proc/${process.ppid}/stat`, 'utf8')
  const startedAt = parent.slice(parent.lastIndexOf(')') + 2).split(' ')[19]
  writeFileSync(place.record, JSON.stringify({ ...mine, pid: process.ppid, startedAt }))
  await expect(leftovers.clear()).rejects.toThrow(`process ${process.ppid} runs one from this folder`)
  expect(existsSync(place.group)).toBe(true)
  writeFileSync(place.record, JSON.stringify({ ...mine, pid: process.ppid, startedAt: '1' }))
  await leftovers.clear()
  expect(existsSync(place.group)).toBe(false)
})
