import { describe, expect, it } from 'vitest'
import { type GapAnswer, type GapAnswers, mayWriteGap, START, withGapAnswer } from './index.ts'

const place = (sequence: number) => ({ sequence, stamp: BigInt(sequence) * 10n })

function answered(...answers: readonly (readonly [region: string, answer: GapAnswer, nowMs: number, at?: number])[]) {
  let known: GapAnswers | undefined
  for (const [region, answer, nowMs, at = 7] of answers) {
    known = withGapAnswer(known, { position: place(at), region, answer, nowMs })
  }
  return known
}

describe('a retention gap', () => {
  const both = [
    { region: 'us-east', up: true },
    { region: 'eu-west', up: true },
  ]
  const oneAway = [
    { region: 'us-east', up: true },
    { region: 'eu-west', up: false },
  ]
  const all = answered(['us-east', 'gap', 0], ['eu-west', 'cannot-serve', 100])

  it.each([
    ['not when nothing is known', undefined, both, 1e9, false],
    ['not when nobody said that it is one', answered(['us-east', 'cannot-serve', 0]), both, 1e9, false],
    ['not at once', all, both, 4_999, false],
    ['when everyone had time', all, both, 5_000, true],
    ['later when somebody has not answered', answered(['us-east', 'gap', 0]), both, 59_999, false],
    ['in the end though somebody has not answered', answered(['us-east', 'gap', 0]), both, 60_000, true],
    ['later when somebody is away, whatever it said before', all, oneAway, 59_999, false],
    ['in the end though somebody is away', all, oneAway, 60_000, true],
    ['when only the origin is there', answered(['us-east', 'gap', 0]), both.slice(0, 1), 5_000, true],
  ] as const)('is written down %s', (_, known, upstreams, nowMs, expected) => {
    expect(mayWriteGap(known, upstreams, nowMs)).toBe(expected)
  })

  it('is about one position: another one begins anew', () => {
    const known = answered(['us-east', 'gap', 0], ['eu-west', 'gap', 10], ['us-east', 'cannot-serve', 9_000, 8])
    expect(known).toEqual({
      position: place(8),
      sinceMs: 9_000,
      heardMs: 9_000,
      answers: new Map([['us-east', 'cannot-serve']]),
    })
    expect(withGapAnswer(known, { position: START, region: 'x', answer: 'gap', nowMs: 1 }).sinceMs).toBe(1)
  })

  it('is asked about anew after a long silence', () => {
    expect(answered(['us-east', 'gap', 0], ['eu-west', 'gap', 179_999])?.sinceMs).toBe(0)
    expect(answered(['us-east', 'gap', 0], ['eu-west', 'gap', 180_000])?.answers.size).toBe(1)
  })

  it('takes the newest word of each region', () => {
    expect(answered(['us-east', 'gap', 0], ['us-east', 'cannot-serve', 5])?.answers.get('us-east')).toBe('cannot-serve')
  })
})
