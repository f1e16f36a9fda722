import { randomUUID } from 'node:crypto'
import type { MeshError } from '@landbridge/core'
import { type Command, InvalidArgumentError } from 'commander'
import { CommandFailure, usageFailure } from '../command-failure.ts'
import { type Connection, DEFAULT_SOURCE, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { type EventDefaults, eventOfBytes, eventOfText, eventWithoutData } from '../event/event-input.ts'
import { exitCodeOf } from '../exit-code.ts'
import { readChunks, readInput } from '../input.ts'
import { topicArgument } from '../option-values.ts'
import { reportOutcome } from '../publish/report.ts'

type PublishFlags = {
  readonly type?: string
  readonly source?: string
  readonly id?: string
  readonly subject?: string
  readonly key?: string
  readonly data?: string
  readonly file?: string
  readonly contentType?: string
  readonly extension?: Readonly<Record<string, string>>
  readonly ndjson?: boolean
}

/** `landbridge publish`: one event from the command line, or one a line from a file or a pipe. */
export function addPublishCommand(program: Command, context: Context): void {
  program
    .command('publish')
    .description('publish an event, or one per line with --ndjson; prints a receipt for each')
    .argument('<topic>', '<tenant>/<topic>', topicArgument)
    .argument('[input]', '- to read the data from standard input')
    .option('-t, --type <type>', 'kind of event, such as com.acme.order.created')
    .option('-s, --source <uri>', 'where it happened', DEFAULT_SOURCE)
    .option('--id <id>', 'identity within the source; the mesh shows one event per source and id (default: random)')
    .option('--subject <text>', 'what it is about')
    .option('-k, --key <key>', 'events of one source and key keep their order')
    .option('-d, --data <text>', 'the data')
    .option('-f, --file <file>', 'read the data from a file; - for standard input')
    .option('--content-type <type>', 'media type of the data (default: JSON when it reads as JSON)')
    .option('-e, --extension <name=value>', 'further attribute; may be given several times', extensionOption)
    .option('--ndjson', 'one event per line: CloudEvents in JSON, or JSON data that gets --type and the others')
    .addHelpText('after', HELP)
    .action(async (topic: string, input: string | undefined, flags: PublishFlags, command: Command) => {
      const file = inputFile(input, flags)
      await withMesh(command, context, async (connection) => {
        if (flags.ndjson === true) return publishMany(topic, file ?? '-', flags, connection, context)
        await publishOne(topic, file, flags, connection, context)
      })
    })
}

async function publishOne(
  topic: string,
  file: string | undefined,
  flags: PublishFlags,
  { mesh, printer }: Connection,
  context: Context,
): Promise<void> {
  if (flags.type === undefined) throw usageFailure('type: not given, wanted --type, such as com.acme.order.created')
  const defaults = defaultsOf(flags)
  const event = await eventFrom(file, flags, defaults, context)
  const id = flags.id ?? randomUUID()
  const { publishAll } = await import('../publish/publish-all.ts')
  const [outcome] = await publishAll(mesh, topic, [{ ...event, id }], context.signal)
  if (outcome?.error !== undefined) throw notAcknowledged(outcome.error, id, flags)
  if (outcome !== undefined) await reportOutcome(id, outcome, printer, context)
}

function notAcknowledged(error: MeshError, id: string, { source }: PublishFlags): Error {
  if (!error.ambiguous) return error
  return new CommandFailure(exitCodeOf(error), error.message, {
    hint: `it may be stored all the same; publish it again with --id ${id} --source ${source}: the mesh shows it once`,
    cause: error,
  })
}

async function eventFrom(file: string | undefined, flags: PublishFlags, defaults: EventDefaults, context: Context) {
  if (flags.data !== undefined) return eventOfText(flags.data, defaults, 'event')
  if (file === undefined) return eventWithoutData(defaults, 'event')
  return eventOfBytes(await readInput(file, 'data', context), defaults, 'event')
}

async function publishMany(
  topic: string,
  file: string,
  flags: PublishFlags,
  { mesh, printer }: Connection,
  context: Context,
): Promise<void> {
  const { publishLines } = await import('../publish/publish-lines.ts')
  await publishLines(readChunks(file, 'events', context), {
    mesh,
    topic,
    defaults: defaultsOf(flags),
    printer,
    context,
  })
}

function defaultsOf(flags: PublishFlags): EventDefaults {
  const { type, source, subject, key, contentType, extension: extensions = {} } = flags
  return { type, source, subject, key, contentType, extensions }
}

/** The one place that data comes from. @throws CommandFailure 'usage' when several are given. */
function inputFile(input: string | undefined, { data, file, id, ndjson }: PublishFlags): string | undefined {
  if (input !== undefined && input !== '-') {
    throw usageFailure(`input: is ${input}, wanted -, --data or --file`, 'name files with --file')
  }
  if ([input, data, file].filter((source) => source !== undefined).length > 1) {
    throw usageFailure('data: several of --data, --file and - are given, wanted one')
  }
  if (ndjson === true && data !== undefined) throw usageFailure('ndjson: with --data, wanted --file or standard input')
  if (ndjson === true && id !== undefined) throw usageFailure('ndjson: with --id, wanted ids in the lines or none')
  return file ?? input
}

function extensionOption(
  text: string,
  previous: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const [, name, value] = /^([a-z0-9]{1,20})=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('Wanted name=value, the name of 1 to 20 lower-case letters and digits.')
  }
  return { ...previous, [name]: value }
}

const HELP = `
Examples:
  landbridge publish acme/orders -t com.acme.order.created -k customer-7 -d '{"order": 7}'
  date | landbridge publish acme/ticks - -t com.acme.tick
  landbridge publish acme/orders --ndjson -f events.ndjson
  landbridge subscribe acme/orders -o json | jq -c --unbuffered .event | landbridge publish acme/copy --ndjson

With --ndjson it stops at the first line or event that fails; what came before is published.`
