import { expect, test } from 'vitest'
import { type KnownHead, RelayHead } from './relay-head.ts'

const position = { sequence: 7, stamp: 70n }
const known = (parts: Partial<KnownHead> = {}): KnownHead => ({ position, stale: false, timeMs: 5, ...parts })

// Two regions pulled a dead origin from each other, and each told the other that all was well.
test('what a peer told is no news to it', () => {
  expect(new RelayHead(() => known({ from: 'eu-west' }), 'eu-west').report(0)).toMatchObject({ stale: true })
  expect(new RelayHead(() => known({ from: 'us-east' }), 'eu-west').report(0)).toMatchObject({ stale: false })
  expect(new RelayHead(() => undefined, 'eu-west').report(0)).toMatchObject({ stale: true })
})

test('a receiver that has everything hears at once when that is no longer sure', () => {
  let heard: KnownHead | undefined = known()
  const head = new RelayHead(() => heard, 'eu-west')
  head.onLocal(position)
  expect(head.behind).toBe(true)
  head.report(0)
  expect(head.behind).toBe(false)
  heard = undefined
  expect(head.behind).toBe(true)
  head.report(0)
  expect(head.behind).toBe(false)
  heard = known()
  expect(head.behind).toBe(true)
})
