import { describe, expect, it } from 'vitest'
import { PROFILES, type ProfileName } from './profiles.ts'
import { RULE_NAMES, type Rule } from './rules.ts'
import { simulate } from './simulate.ts'

/** In which profile it shows soonest that a rule is missing, and within how many seeds at most, about three times as many as it took. */
const CAUGHT: Readonly<Partial<Record<Rule, readonly [ProfileName, number]>>> = {
  chain: ['pods', 50],
  readThrough: ['line', 50],
  stamp: ['hard', 50],
  ownLast: ['pods', 100],
  fence: ['pieces', 250],
  known: ['usual', 50],
  floor: ['stale', 150],
  fresh: ['pods', 4_500],
  scan: ['usual', 50],
  markElsewhere: ['usual', 50],
  markOld: ['usual', 50],
  stayMarked: ['pods', 300],
  publishCheck: ['usual', 50],
  arrival: ['pods', 50],
  forwardMark: ['forward', 50],
  forwardSpan: ['forward', 250],
  quorum: ['quorum', 50],
  reports: ['quorum', 3_000],
  adoptCopy: ['quorum', 3_000],
  mayRelay: ['egress', 50],
  mayHold: ['egress', 50],
  session: ['pieces', 50],
  match: ['usual', 50],
  gap: ['retention', 100],
  tails: ['retention', 6_500],
  outlive: ['retention', 50],
  circle: ['routes', 50],
  holdings: ['routes', 50],
  detour: ['routes', 1_700],
  adopt: ['hard', 50],
  retire: ['dead', 50],
}

/** Nothing was seen to break without these in many thousands of runs: other rules answer for what they keep away. */
const NOT_SEEN: readonly Rule[] = ['barrier']

describe('without a rule', () => {
  it('every rule is asked about', () => {
    expect(new Set([...Object.keys(CAUGHT), ...NOT_SEEN])).toEqual(new Set(RULE_NAMES))
  })

  it.each(Object.entries(CAUGHT) as [Rule, readonly [ProfileName, number]][])('%s', (rule, [profile, seeds]) => {
    const breaks = (seed: number) => simulate({ seed, profile: PROFILES[profile], off: [rule] }).problems.length > 0
    let seed = 1
    while (seed <= seeds && !breaks(seed)) seed++
    expect(seed, `runs of profile ${profile} without ${rule}`).toBeLessThanOrEqual(seeds)
  })
})
