import { setTimeout as delay } from 'node:timers/promises'
import { Argument, type Command } from 'commander'
import type { TopicLag } from '../../index.ts'
import { type Connection, targetsOf, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { ANSWER_MS, askEvery, failForSilent, type RegionAnswer, rowsOf, silentText } from '../every-region.ts'
import { EXIT, exitCodeOf } from '../exit-code.ts'
import { lagTable, type SeenLag, summaryTable, summed } from '../lag-table.ts'
import { durationOption, topicArgument } from '../option-values.ts'
import type { List } from '../printer.ts'

type LagFlags = {
  readonly region?: string
  readonly summary?: boolean
  /** True for the default interval, otherwise milliseconds. */
  readonly watch?: true | number
}

const WATCH_MS = 2_000

/** `landbridge lag`: how far each region is behind each origin. */
export function addLagCommand(program: Command, context: Context): void {
  program
    .command('lag')
    .description('how far each region is behind the others, per topic')
    .addArgument(new Argument('[topic]', '<tenant>/<topic> (default: all)').argParser(topicArgument))
    .option('--region <name>', 'ask this region only (default: all of the endpoints)')
    .option('--summary', 'one row for a region and topic: all origins together, and the watermark of the topic')
    .option('-w, --watch [interval]', 'look again every 2s, or at another interval, until Ctrl-C', durationOption)
    .addHelpText('after', HELP)
    .action(async (topic: string | undefined, flags: LagFlags, command: Command) => {
      await withMesh(command, context, async (connection) => {
        if (flags.watch !== undefined) return watch(connection, context, topic, flags)
        const answers = await askLag(connection, context, topic, flags)
        await print(connection, answers, flags)
        await failForSilent(answers, context)
      })
    })
}

/** A region that is away must not keep the others from being seen: each has a short time of its own. */
function askLag(
  { mesh, settings }: Connection,
  { signal, now }: Context,
  topic: string | undefined,
  { region }: LagFlags,
): Promise<readonly RegionAnswer<SeenLag>[]> {
  const timeoutMs = settings.timeoutMs ?? ANSWER_MS
  return askEvery(targetsOf(settings, region), async (endpoint) => {
    const lags = await mesh.admin.lag(topic, { endpoint, signal, timeoutMs })
    const answeredMs = now()
    return lags.map((lag: TopicLag): SeenLag => ({ ...lag, answeredMs }))
  })
}

/** Goes on until it is told to stop, also while regions are away: that is when people watch. */
async function watch(
  connection: Connection,
  context: Context,
  topic: string | undefined,
  flags: LagFlags,
): Promise<void> {
  const { signal, stderr, stdout } = context
  const inPlace = stdout.isTerminal && connection.printer.form === 'table'
  const intervalMs = flags.watch === true || flags.watch === undefined ? WATCH_MS : flags.watch
  while (!signal.aborted) {
    const answers = await askLag(connection, context, topic, flags)
    if (signal.aborted) return
    const refused = answers.find(({ error }) => error !== undefined && exitCodeOf(error) !== EXIT.unavailable)
    if (refused !== undefined) throw refused.error
    const silent = answers.filter(({ error }) => error !== undefined).map((answer) => `${silentText(answer)}\n`)
    if (inPlace) {
      const table = withList(answers, flags, (list) => connection.printer.table(list))
      await stdout.write(frame(`${new Date(context.now()).toISOString()}\n${table}${silent.join('')}`))
    } else {
      await print(connection, answers, flags)
      await stderr.write(silent.join(''))
    }
    await delay(intervalMs, undefined, { signal }).catch(() => {})
  }
}

/** Writes over what is on the screen line by line, so that nothing flickers, and clears what is below. */
function frame(text: string): string {
  return `\u001b[H${text.replaceAll('\n', '\u001b[K\n')}\u001b[J`
}

async function print(
  { printer }: Connection,
  answers: readonly RegionAnswer<SeenLag>[],
  flags: LagFlags,
): Promise<void> {
  if (answers.some(({ error }) => error === undefined)) await withList(answers, flags, (list) => printer.list(list))
}

function withList<T>(
  answers: readonly RegionAnswer<SeenLag>[],
  { summary }: LagFlags,
  use: <Row>(list: List<Row>) => T,
): T {
  const rows = rowsOf(answers, (lag) => `${lag.answeredBy} ${lag.topic} ${lag.origin}`)
  return summary === true ? use(summaryTable(summed(rows))) : use(lagTable(rows))
}

const HELP = `
BEHIND is "unknown" while the region has not heard from the origin for 3 seconds, be it through another region.
WATERMARK: every event that the origin stored until then is here.

Examples:
  landbridge lag
  landbridge lag acme/orders --watch 500ms
  landbridge lag -o json | jq '[.[] | select(.known | not)] | length'`
