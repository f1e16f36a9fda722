import { describe, expect, it } from 'vitest'
import { PROFILE_NAMES, PROFILES } from './profiles.ts'
import { simulate } from './simulate.ts'

const RUNS = Number(process.env.SIMULATION_RUNS ?? 2_000)
/** Shorter than in `make simulate`, so that all profiles take about a minute on two cores. */
const STEPS = 300

describe('with every rule', () => {
  it.each(PROFILE_NAMES)('nothing breaks in profile %s', (name) => {
    const profile = { ...PROFILES[name], steps: STEPS }
    for (let seed = 1; seed <= RUNS; seed++) {
      const { problems } = simulate({ seed, profile })
      expect(problems, `make simulate PROFILE=${name} SEED=${seed} STEPS=${STEPS} TRACE=1`).toEqual([])
    }
  })

  it('a run is a function of its seed', () => {
    const trace = () => {
      const lines: string[] = []
      simulate({ seed: 7, profile: PROFILES.hard, trace: (line) => lines.push(line) })
      return lines
    }
    expect(trace()).toEqual(trace())
  })
})
