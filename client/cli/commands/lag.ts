import { setTimeout as delay } from 'node:timers/promises'
import { Argument, type Command } from 'commander'
import type { TopicLag } from '../../index.ts'
import { type Connection, targetsOf, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { askEvery, failForSilent, type RegionAnswer, rowsOf, silentText } from '../every-region.ts'
import { EXIT, exitCodeOf } from '../exit-code.ts'
import { durationOption, topicArgument } from '../option-values.ts'
import type { Column } from '../table.ts'
import { countText, secondsText } from '../words.ts'

type LagFlags = {
  readonly region?: string
  /** True for the default interval, otherwise milliseconds. */
  readonly watch?: true | number
}

const WATCH_MS = 2_000
/** Least time that a region has to answer while watched, milliseconds. */
const ANSWER_MS = 1_000
/** Moves to the upper left corner and clears the screen. */
const REDRAW = '\u001b[H\u001b[2J'

/** `landbridge lag`: how far each region is behind each origin. */
export function addLagCommand(program: Command, context: Context): void {
  program
    .command('lag')
    .description('how far each region is behind the others, per topic')
    .addArgument(new Argument('[topic]', '<tenant>/<topic> (default: all)').argParser(topicArgument))
    .option('--region <name>', 'ask this region only (default: all of the endpoints)')
    .option('-w, --watch [interval]', 'look again every 2s, or at another interval, until Ctrl-C', durationOption)
    .addHelpText(
      'after',
      '\nA lag is "unknown" while the region has not heard from the origin for 3 seconds.\n' +
        '\nExamples:\n  landbridge lag\n  landbridge lag acme/orders --watch 500ms\n' +
        "  landbridge lag -o json | jq '[.[] | select(.known | not)] | length'",
    )
    .action(async (topic: string | undefined, flags: LagFlags, command: Command) => {
      await withMesh(command, context, async (connection) => {
        const ask = (timeoutMs?: number) =>
          askLag(connection, { topic, region: flags.region, signal: context.signal, timeoutMs })
        if (flags.watch !== undefined) {
          return watch(connection, context, ask, flags.watch === true ? WATCH_MS : flags.watch)
        }
        const answers = await ask()
        await print(connection, answers)
        await failForSilent(answers, context)
      })
    })
}

function askLag(
  { mesh, settings }: Connection,
  request: {
    readonly topic: string | undefined
    readonly region: string | undefined
    readonly signal: AbortSignal
    readonly timeoutMs: number | undefined
  },
) {
  const { topic, region, signal, timeoutMs } = request
  return askEvery(targetsOf(settings, region), (endpoint) => mesh.admin.lag(topic, { endpoint, signal, timeoutMs }))
}

/** Goes on until it is told to stop, also while regions are away: that is when people watch. */
async function watch(
  connection: Connection,
  context: Context,
  ask: (timeoutMs: number) => Promise<readonly RegionAnswer<TopicLag>[]>,
  intervalMs: number,
): Promise<void> {
  const { stdout, signal } = context
  while (!signal.aborted) {
    // A region that is away must not keep the others from being seen.
    const answers = await ask(Math.max(intervalMs, ANSWER_MS))
    if (signal.aborted) return
    const refused = answers.find(
      (answer) => answer.error !== undefined && exitCodeOf(answer.error) !== EXIT.unavailable,
    )
    if (refused !== undefined) throw refused.error
    if (stdout.isTerminal && connection.printer.form === 'table') await stdout.write(REDRAW)
    await print(connection, answers)
    for (const answer of answers) {
      if (answer.error !== undefined) await context.stderr.write(`${silentText(answer)}\n`)
    }
    await delay(intervalMs, undefined, { signal }).catch(() => {})
  }
}

async function print({ printer }: Connection, answers: readonly RegionAnswer<TopicLag>[]): Promise<void> {
  if (answers.every((answer) => answer.error !== undefined)) return
  await printer.list({
    columns: COLUMNS,
    rows: rowsOf(answers, (lag) => `${lag.answeredBy} ${lag.topic} ${lag.origin}`),
    json: ({ answeredBy, ...lag }) => ({ region: answeredBy, ...lag }),
    empty: 'Nothing is replicated: no topics, or no peers.',
  })
}

const COLUMNS: readonly Column<TopicLag>[] = [
  { title: 'REGION', text: (lag) => lag.answeredBy },
  { title: 'TOPIC', text: (lag) => lag.topic },
  { title: 'ORIGIN', text: (lag) => lag.origin },
  {
    title: 'BEHIND',
    text: (lag) => (lag.known ? countText(lag.events) : 'unknown'),
    align: 'right',
    colour: (lag) => {
      if (!lag.known) return 'red'
      return lag.events === 0 ? 'green' : 'yellow'
    },
  },
  { title: 'OLDEST', text: (lag) => (lag.known ? secondsText(lag.seconds) : ''), align: 'right' },
  { title: 'APPLIED', text: (lag) => String(lag.appliedSequence), align: 'right' },
  { title: 'HEAD', text: (lag) => String(lag.headSequence), align: 'right' },
]
