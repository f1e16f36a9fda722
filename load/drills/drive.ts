import { setTimeout as delay } from 'node:timers/promises'
import { type AuditReport, auditStreams, type Lab, readStreams, startLab } from '@landbridge/lab'
import { allWays, catchUpMs } from './catch-up.ts'
import { ControlClient, type FaultRequest } from './control-client.ts'
import type { Drill } from './drills.ts'
import type { Journal } from './journal.ts'
import { type K6Result, runK6 } from './k6-run.ts'
import { CLIENTS, drillDocuments, publishSettings, TOPIC, WARM_UP_SECONDS } from './load.ts'
import type { DrillOptions } from './options.ts'
import { allowing, type Check, type DrillFigures, judge } from './verdict.ts'

const SETTLE_MS = 20_000

/** One drill from beginning to end, as it is written to the JSON file. */
export type DrillReport = {
  readonly drill: string
  readonly story: string
  readonly date: string
  readonly command: string
  readonly options: Omit<DrillOptions, 'jsonFile'>
  readonly asksReroute: boolean
  /** How long breaking and healing themselves took. */
  readonly breakingMs: number
  readonly healingMs: number
  /** k6's statistics of `publish_ms` by phase. */
  readonly latenciesMs: Readonly<Record<'baseline' | 'fault' | 'recovery', Readonly<Record<string, number>>>>
  readonly figures: DrillFigures
  readonly checks: readonly Check[]
  readonly passed: boolean
}

/** Runs a drill. Rejects when it cannot be carried out; a drill that finds something is no error. */
export async function runDrill(
  drill: Drill,
  options: DrillOptions,
  tools: { readonly k6: string; readonly say: (line: string) => void; readonly command: string },
): Promise<DrillReport> {
  const { say } = tools
  await using lab = await startLab({ ...drill.lab, documents: drillDocuments(options.durability), report: say })
  const control = new ControlClient(await lab.startControl())
  const settings = await publishSettings(lab, options)
  using stop = new DisposableStack()
  const failed = new AbortController()
  stop.defer(() => failed.abort())
  const started = Promise.withResolvers<number>()
  say(`k6 publishes ${options.perSecond} events/s from ${CLIENTS} clients`)
  const load = runK6({
    k6: tools.k6,
    settings,
    folder: lab.stateDir,
    onStart: started.resolve,
    signal: failed.signal,
  })
  load.catch(started.reject)
  const faults = carryOut({ lab, control, drill, options, say, startMs: await started.promise })
  const [k6, times] = await Promise.all([load, faults])
  say('waiting until every region holds every event')
  const exposed = times.survivors === undefined ? null : exposedEvents(k6.journal, drill.victim, times)
  const { report: audit, lost } = await settle(lab, k6.journal)
  const figures: DrillFigures = {
    acknowledged: k6.journal.acknowledged.length,
    unacknowledged: k6.journal.unacknowledged.length,
    unacknowledgedReasons: k6.journal.reasons(5),
    rtoMs: k6.journal.longestMs(['fault', 'recovery']),
    victimSilenceMs: k6.journal.longestSilenceMs(drill.victim, times.brokenAtMs),
    rpoEvents: lost,
    exposedEvents: exposed,
    rerouteMs: times.rerouteMs ?? null,
    convergeMs: times.convergeMs ?? null,
    audit: { ...audit, storedByRegion: Object.fromEntries(audit.storedByRegion) },
  }
  const checks = judge(figures, k6.metrics, allowing(drill.limits, options.allowanceMs), options.durability)
  const { jsonFile: _, ...asked } = options
  return {
    drill: drill.name,
    story: drill.story,
    date: new Date().toISOString(),
    command: tools.command,
    options: asked,
    asksReroute: drill.limits.rerouteMs !== undefined,
    breakingMs: times.breakingMs,
    healingMs: times.healingMs,
    latenciesMs: latenciesOf(k6),
    figures,
    checks,
    passed: checks.every(({ met }) => met),
  }
}

type FaultTimes = {
  /** When the fault was in effect, ms since 1970. */
  readonly brokenAtMs: number
  readonly breakingMs: number
  readonly healingMs: number
  readonly rerouteMs: number | undefined
  readonly convergeMs: number | undefined
  /** Identities that the other regions held just before the healing; undefined unless the victim was gone. */
  readonly survivors: ReadonlySet<string> | undefined
}

/** Breaks and heals at the appointed times. */
async function carryOut(context: {
  readonly lab: Lab
  readonly control: ControlClient
  readonly drill: Drill
  readonly options: DrillOptions
  readonly say: (line: string) => void
  readonly startMs: number
}): Promise<FaultTimes> {
  const { lab, control, drill, say, startMs } = context
  const { baseline, fault } = context.options.seconds
  const until = (seconds: number) => delay(Math.max(0, startMs + seconds * 1_000 - Date.now()))
  const regions = lab.regions.map(({ name }) => name)
  const others = regions.filter((name) => name !== drill.victim)
  const faultAt = WARM_UP_SECONDS + baseline
  await until(faultAt - 1)
  const { breaks, heals } = await drill.plan(lab)
  await until(faultAt)
  say(`breaking: ${JSON.stringify(breaks)}`)
  const breakingMs = await send(control, breaks)
  const brokenAtMs = Date.now()
  const rerouteMs =
    drill.limits.rerouteMs === undefined ? undefined : await catchUpMs(lab, allWays(regions), (fault - 1) * 1_000)
  await until(faultAt + fault)
  const survivors = drill.name === 'region-loss' ? await identitiesIn(lab, others) : undefined
  say(`healing: ${JSON.stringify(heals)}`)
  const healingMs = await send(control, heals)
  const convergeMs = await catchUpMs(lab, allWays(regions), 60_000)
  say(convergeMs === undefined ? 'not converged within a minute' : `converged after ${Math.round(convergeMs)} ms`)
  return { brokenAtMs, breakingMs, healingMs, rerouteMs, convergeMs, survivors }
}

async function send(control: ControlClient, requests: readonly FaultRequest[]): Promise<number> {
  const startMs = performance.now()
  for (const request of requests) await control.fault(request)
  return performance.now() - startMs
}

async function identitiesIn(lab: Lab, regions: readonly string[]): Promise<ReadonlySet<string>> {
  const contents = await Promise.all(regions.map((name) => readStreams(lab.region(name), [TOPIC])))
  return new Set(contents.flat().flatMap(({ events }) => events.map(({ identity }) => identity)))
}

/** What only the victim held while it was gone. */
function exposedEvents(journal: Journal, victim: string, { brokenAtMs, survivors }: FaultTimes): number {
  return journal.acknowledged.filter(
    ({ region, acknowledgedMs, source, id }) =>
      region === victim && acknowledgedMs <= brokenAtMs && survivors?.has(`${source} ${id}`) === false,
  ).length
}

/** Reads every region until all hold the same, or the time is over. Nothing is published any more: what none holds then, none will. */
async function settle(lab: Lab, journal: Journal): Promise<{ readonly report: AuditReport; readonly lost: number }> {
  const acknowledged = journal.acknowledged.map(({ source, id }) => ({ topic: TOPIC, identity: `${source} ${id}` }))
  const deadline = performance.now() + SETTLE_MS
  for (;;) {
    const contents = (await Promise.all(lab.regions.map((region) => readStreams(region, [TOPIC])))).flat()
    const report = auditStreams(contents, acknowledged)
    if (report.differing > 0 && performance.now() < deadline) {
      await delay(250)
      continue
    }
    const held = contents.map(({ events }) => new Set(events.map(({ identity }) => identity)))
    const lost = acknowledged.filter(({ identity }) => held.some((region) => !region.has(identity))).length
    return { report, lost }
  }
}

function latenciesOf({ metrics }: K6Result): DrillReport['latenciesMs'] {
  const of = (phase: string) => metrics[`publish_ms{phase:${phase}}`]?.values ?? {}
  return { baseline: of('baseline'), fault: of('fault'), recovery: of('recovery') }
}
