import { expect, test } from 'vitest'
import { ReceiveRoom } from './receive-room.ts'

const MIB = 1024 * 1024

test('it is full at 256 MiB, and has room again when half of it is gone', () => {
  const said: boolean[] = []
  const room = new ReceiveRoom((full) => said.push(full))
  for (let pull = 0; pull < 63; pull += 1) room.add(4 * MIB)
  expect(said).toEqual([])
  room.add(4 * MIB)
  room.add(4 * MIB)
  expect(said).toEqual([true])
  room.add(-100 * MIB)
  expect(room.full).toBe(true)
  room.add(-40 * MIB)
  expect(said).toEqual([true, false])
})
