import type { Command } from 'commander'
import type { StartFrom } from '../../index.ts'
import { CommandFailure } from '../command-failure.ts'
import { CALL_MS, type Connection, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { countOption, topicArgument } from '../option-values.ts'
import { fromOption } from '../subscribe/from-option.ts'
import { readEvents, untilReady } from '../subscribe/read-events.ts'

type SubscribeFlags = {
  readonly from?: StartFrom
  readonly group?: string
  readonly count?: number
}

/** Events that may be delivered ahead of the printing. */
const CREDIT = 1_000

/** `landbridge subscribe`: prints events as they come. */
export function addSubscribeCommand(program: Command, context: Context): void {
  program
    .command('subscribe')
    .description('print the events of a topic, one per line')
    .argument('<topic>', '<tenant>/<topic>', topicArgument)
    .option(
      '--from <start>',
      'latest, earliest, a time (RFC 3339), an age (10m) or a sequence (default: latest)',
      (text) => fromOption(text, context.now()),
    )
    .option('-g, --group <name>', 'share the events with others of this group; acknowledges each after printing it')
    .option('-n, --count <number>', 'end after so many events', countOption)
    .addHelpText('after', HELP)
    .action(async (topic: string, flags: SubscribeFlags, command: Command) => {
      await withMesh(command, context, (connection) => subscribe(topic, flags, connection, context))
    })
}

async function subscribe(
  topic: string,
  { from = 'latest', group, count }: SubscribeFlags,
  { mesh, settings, printer }: Connection,
  context: Context,
): Promise<void> {
  const { timeoutMs } = settings
  const timeout = new AbortController()
  const timer =
    timeoutMs === undefined ? undefined : setTimeout(() => timeout.abort(), Math.min(timeoutMs, 0x7fff_ffff))
  try {
    const signal = AbortSignal.any([context.signal, timeout.signal])
    // What a group's reader takes ahead and does not print goes back to the group, so it takes no more than it needs.
    const credit = Math.min(count ?? CREDIT, CREDIT)
    await using subscription = mesh.subscribe(topic, { from, group, credit, signal })
    await untilReady(subscription, mesh, topic, Math.min(timeoutMs ?? CALL_MS, CALL_MS))
    if (context.stdout.isTerminal && context.stderr.isTerminal) {
      await context.stderr.write(
        `Reading ${topic}${group === undefined ? '' : ` in group ${group}`}; Ctrl-C ends it.\n`,
      )
    }
    const options = { printer, context, count: count ?? Number.POSITIVE_INFINITY, acknowledges: group !== undefined }
    const printed = await readEvents(subscription, options)
    if (timeout.signal.aborted && count !== undefined && printed < count) {
      throw new CommandFailure(EXIT.unavailable, `subscribe ${topic}: ${printed} of ${count} events came in time`, {
        hint: 'give it longer with --timeout, or begin earlier with --from',
      })
    }
  } finally {
    clearTimeout(timer)
  }
}

const HELP = `
Without --group you see every event and nothing is acknowledged. Lines for people cut long data; -o json has all of it:
{"region", "sequence", "attempt", "event"}, the event in the CloudEvents JSON format.
--timeout ends the reading: with exit code 0, or 4 when --count was not reached.

Examples:
  landbridge subscribe acme/orders
  landbridge subscribe acme/orders --from 10m -o json | jq .event.data
  landbridge subscribe acme/orders --group billing --from earliest
  landbridge subscribe acme/orders --count 1 --timeout 10s`
