import { expect, test } from 'vitest'
import { SignBoard } from './sign-board.ts'

const sign = (gateway: string, revision: number) => ({ gateway, revision })

test('counts the gateways that run a revision', () => {
  const board = new SignBoard()
  expect(board.following(1, 0)).toEqual({ following: 0, all: 0 })
  expect(board.saw('a', sign('a', 4), 1_000, 0)).toBe(true)
  expect(board.saw('b', sign('b', 7), 1_100, 100)).toBe(true)
  expect(board.saw('b', sign('b', 7), 2_100, 1_100)).toBe(false)
  expect(board.following(4, 1_200)).toEqual({ following: 2, all: 2 })
  expect(board.following(5, 1_200)).toEqual({ following: 1, all: 2 })
  expect(board.saw('a', sign('a', 7), 2_200, 1_200)).toBe(true)
  expect(board.following(7, 1_200)).toEqual({ following: 2, all: 2 })
})

test('a gateway that leaves, or gives no more signs, does not count', () => {
  const board = new SignBoard()
  board.saw('killed', sign('killed', 4), 1_000, 0)
  board.saw('stopped', sign('stopped', 4), 1_000, 0)
  board.saw('alive', sign('alive', 4), 1_000, 0)
  board.left('stopped')
  board.saw('alive', sign('alive', 4), 6_500, 5_500)
  expect(board.following(4, 5_500)).toEqual({ following: 1, all: 1 })
  expect(board.following(4, 12_000)).toEqual({ following: 0, all: 0 })
})

test('what killed gateways left long ago does not count, whenever the reader came', () => {
  const board = new SignBoard()
  board.saw('old', sign('old', 4), 1_000, 0)
  board.saw('alive', sign('alive', 4), 60_000, 1)
  expect(board.following(4, 2)).toEqual({ following: 1, all: 1 })
})
