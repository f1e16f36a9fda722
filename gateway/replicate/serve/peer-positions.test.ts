import { expect, test } from 'vitest'
import { PeerPositions } from './peer-positions.ts'

const at = (sequence: number) => ({ sequence, stamp: BigInt(sequence) * 10n })
const open = (positions: PeerPositions, topic: string, region: string, sequence: number) => {
  const pull = {}
  positions.open(pull, { topic, region, position: at(sequence) })
  return pull
}

test('a region is as far as the further one of its pulls, and unknown without one', () => {
  const positions = new PeerPositions()
  const told: string[] = []
  positions.onChange((topic, region) => told.push(`${topic} ${region}`))
  const one = open(positions, 'a/x', 'eu', 5)
  const two = open(positions, 'a/x', 'eu', 7)
  open(positions, 'a/y', 'eu', 1)
  positions.applied(one, at(6))
  expect(positions.get('a/x', 'eu')?.position).toEqual(at(7))
  positions.close(two)
  expect(positions.get('a/x', 'eu')?.position).toEqual(at(6))
  positions.close(one)
  expect(positions.of('a/x')).toEqual([])
  expect(positions.all()).toHaveLength(1)
  // What comes behind the end of a pull speaks of nothing.
  positions.applied(one, at(9))
  expect(positions.of('a/x')).toEqual([])
  expect(told).toEqual(['a/x eu', 'a/x eu', 'a/y eu', 'a/x eu', 'a/x eu', 'a/x eu'])
})

test('a position that is said again is not heard anew', () => {
  const positions = new PeerPositions()
  const pull = open(positions, 'a/x', 'eu', 5)
  const first = positions.get('a/x', 'eu')
  positions.applied(pull, at(5))
  expect(positions.get('a/x', 'eu')).toBe(first)
})
