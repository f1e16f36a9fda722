import { parseArgs } from 'node:util'
import { PROFILE_NAMES, PROFILES, type ProfileName } from './profiles.ts'
import { RULE_NAMES, type Rule } from './rules.ts'
import { simulate } from './simulate.ts'

/** Failing seeds that are shown. */
const SHOWN_MAX = 5

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    profile: { type: 'string', default: '' },
    off: { type: 'string', default: '' },
    steps: { type: 'string', default: '' },
    trace: { type: 'boolean', default: false },
    stop: { type: 'boolean', default: false },
  },
})

const profiles = values.profile === '' ? PROFILE_NAMES : values.profile.split(',').map(profileOf)
const off = values.off.split(',').filter(Boolean).map(ruleOf)
const more = `${values.steps && ` STEPS=${values.steps}`}${off.length > 0 ? ` OFF=${off}` : ''}`
let failed = false
for (const name of profiles) if (!runProfile(name)) failed = true
process.exitCode = failed ? 1 : 0

function profileOf(name: string): ProfileName {
  const found = PROFILE_NAMES.find((known) => known === name)
  if (found === undefined) throw new Error(`profile: is ${name}, wanted one of ${PROFILE_NAMES.join(', ')}`)
  return found
}

function ruleOf(name: string): Rule {
  const found = RULE_NAMES.find((known) => known === name)
  if (found === undefined) throw new Error(`rule: is ${name}, wanted one of ${RULE_NAMES.join(', ')}`)
  return found
}

function runProfile(name: ProfileName): boolean {
  const first = Number(values.seed)
  const runs = Number(values.runs)
  const total: Record<string, number> = {}
  const kinds: Record<string, number> = {}
  const trace = values.trace ? (line: string) => console.log(line) : undefined
  const profile = values.steps === '' ? PROFILES[name] : { ...PROFILES[name], steps: Number(values.steps) }
  const began = process.cpuUsage()
  let bad = 0
  let done = 0
  for (let seed = first; seed < first + runs; seed++) {
    const { problems, stats, regions } = simulate({ seed, profile, off, trace })
    done++
    for (const [key, count] of Object.entries(stats)) total[key] = (total[key] ?? 0) + count
    if (problems.length === 0) continue
    bad++
    for (const kind of new Set(problems.map((text) => text.split(' ')[0] ?? ''))) kinds[kind] = (kinds[kind] ?? 0) + 1
    if (bad <= SHOWN_MAX) {
      console.log(`${name}: seed ${seed} with ${regions} regions: ${problems.slice(0, 4).join('; ')}`)
      console.log(`  to explain it: make simulate PROFILE=${name} SEED=${seed} TRACE=1${more}`)
    }
    if (values.stop) break
  }
  const cpuSeconds = Math.round(process.cpuUsage(began).user / 100_000) / 10
  console.log(JSON.stringify({ profile: name, off, runs: done, bad, kinds, ...total, cpuSeconds }))
  return bad === 0
}
