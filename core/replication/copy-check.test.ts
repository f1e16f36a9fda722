import { expect, test } from 'vitest'
import { mayBeCopyOf } from './copy-check.ts'

const event = { origin: 'us-east', storedMs: 1_000 }

test.each([
  ['within its span', { region: 'us-east', untilMs: 1_001 }, true],
  ['at its very end', { region: 'us-east', untilMs: 1_000 }, true],
  ['behind it', { region: 'us-east', untilMs: 999 }, false],
  ['of another region', { region: 'eu-west', untilMs: 9_000 }, false],
  ['of any region', { region: '', untilMs: 1_000 }, true],
  ['of any region, behind it', { region: '', untilMs: 999 }, false],
])('a marked event may be a copy of one that was stored %s: %o, %s', (_, mark, expected) => {
  expect(mayBeCopyOf(event, mark)).toBe(expected)
})
