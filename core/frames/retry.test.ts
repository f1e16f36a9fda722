import { create } from '@bufbuild/protobuf'
import { messageCodec, RetrySchema } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { parseRetry, RETRY_AGE_MAX_MS } from './retry.ts'

const codec = messageCodec(RetrySchema)

function encoded(seconds: bigint, nanos: number, region = 'us-east', elsewhere = false) {
  return codec.serialize(create(RetrySchema, { age: { seconds, nanos }, region, elsewhere }))
}

test('reads what a client says of its first attempt, its age rounded up', () => {
  expect(parseRetry(encoded(3n, 1)).value).toEqual({ ageMs: 3_001, region: 'us-east', elsewhere: false })
  expect(parseRetry(encoded(604_800n, 0, '', true)).value).toEqual({
    ageMs: RETRY_AGE_MAX_MS,
    region: '',
    elsewhere: true,
  })
  expect(parseRetry(Buffer.alloc(0)).value).toEqual({ ageMs: 0, region: '', elsewhere: false })
})

test.each([
  ['a negative age', encoded(-1n, 0), 'age is -1000 ms'],
  ['an age over seven days', encoded(604_800n, 1), 'age is 604800001 ms'],
  ['an age beyond numbers', encoded(2n ** 62n, 0), 'age is'],
  ['a region that is none', encoded(0n, 0, 'US East'), 'region is "US East"'],
  ['noise', Buffer.from([0x0a, 9]), 'malformed'],
])('refuses %s', (_what, bytes, wanted) => {
  expect(parseRetry(bytes).error?.message).toContain(wanted)
})
