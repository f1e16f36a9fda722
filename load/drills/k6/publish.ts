// The load of a drill, run by k6: clients in every region publish at a constant rate and fail over by themselves. See ../settings.ts for what it
// is told and what it prints.
import exec from 'k6/execution'
import { Counter, Trend } from 'k6/metrics'
import type { Options } from 'k6/options'
import type { JournalLine, Phase, PublishSettings } from '../settings.ts'
import { credentials, type DrillEvent, type Outcome, Session } from './session.ts'

// k6 has one, its types do not.
declare const console: { log(line: string): void }

const settings: PublishSettings = JSON.parse(open(__ENV.SETTINGS ?? ''))
credentials(settings)
const session = new Session(settings, __VU % settings.endpoints.length)

const NEVER_SENT: Outcome = { kind: 'acknowledged', region: 'nowhere', attempts: 0 }
const publishMs = new Trend('publish_ms', true)
const unacknowledged = new Counter('unacknowledged')
const attempts = new Counter('attempts')
let sent = 0

export const options: Options = {
  scenarios: {
    publish: {
      executor: 'constant-arrival-rate',
      rate: settings.perSecond,
      timeUnit: '1s',
      duration: `${settings.phases.at(-1)?.endSeconds ?? 0}s`,
      preAllocatedVUs: settings.clients,
      maxVUs: settings.clients,
      gracefulStop: '20s',
    },
  },
  thresholds: Object.fromEntries(Object.entries(settings.thresholds).map(([name, list]) => [name, [...list]])),
  summaryTrendStats: ['count', 'med', 'p(95)', 'p(99)', 'max'],
  systemTags: [],
}

export default function publish(): void {
  const { startTime, iterationInTest } = exec.scenario
  if (iterationInTest === 0) write({ kind: 'start', startMs: startTime })
  const dueMs = Date.now()
  const phase = phaseAt((dueMs - startTime) / 1_000)
  exec.vu.metrics.tags.phase = phase
  const event = nextEvent()
  const outcome = isPlanted(iterationInTest) ? NEVER_SENT : session.publish(event)
  const acknowledgedMs = Date.now()
  const { id, source } = event
  const { home } = session
  attempts.add(outcome.attempts)
  if (outcome.kind === 'acknowledged') {
    publishMs.add(acknowledgedMs - dueMs)
    write({ ...outcome, source, id, home, phase, dueMs, acknowledgedMs })
  } else {
    unacknowledged.add(1)
    write({ kind: outcome.kind, source, id, home, phase, dueMs, reason: outcome.reason })
  }
}

export function handleSummary(data: unknown): Record<string, string> {
  return { [settings.summaryFile]: JSON.stringify(data) }
}

/** Every client is a source of its own and counts its events: the auditor judges their order by it. */
function nextEvent(): DrillEvent {
  sent++
  return {
    id: `${exec.vu.idInTest}-${sent}`,
    source: `/drill/client-${exec.vu.idInTest}`,
    specVersion: '1.0',
    type: 'dev.landbridge.drill.v1',
    attributes: {
      partitionkey: { ceString: `client-${exec.vu.idInTest}` },
      sequence: { ceString: String(sent) },
    },
    textData: 'x'.repeat(64),
  }
}

/** The first event of the fault, counted by the constant rate. */
function isPlanted(iteration: number): boolean {
  const baselineEnd = settings.phases.find(({ phase }) => phase === 'baseline')?.endSeconds ?? 0
  return settings.plantLoss && iteration === baselineEnd * settings.perSecond
}

function phaseAt(seconds: number): Phase {
  return settings.phases.find(({ endSeconds }) => seconds < endSeconds)?.phase ?? 'recovery'
}

function write(line: JournalLine): void {
  console.log(JSON.stringify(line))
}
