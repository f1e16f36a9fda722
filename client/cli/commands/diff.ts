import type { Command } from 'commander'
import type { ApplyOutcome } from '../../index.ts'
import { applyInTurn, readSources, throwIfWrong } from '../apply-documents.ts'
import { CommandFailure } from '../command-failure.ts'
import { type Connection, targetsOf, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { failForSilent } from '../every-region.ts'
import { EXIT, exitCodeOf } from '../exit-code.ts'
import { hintOf, messageOf } from '../explain.ts'
import { listOption } from '../option-values.ts'
import type { Column } from '../table.ts'
import { ACTION_COLOURS } from './apply.ts'

type DiffFlags = { readonly file: readonly string[]; readonly region?: string }

/** `landbridge diff`: what applying documents would change, as an exit code too. */
export function addDiffCommand(program: Command, context: Context): void {
  program
    .command('diff')
    .description('show what applying documents would change in every region of the endpoints; changes nothing')
    .requiredOption('-f, --file <file>', 'YAML or JSON; - for standard input; may be given several times', listOption)
    .option('--region <name>', 'compare with this region only (default: all of the endpoints)')
    .addHelpText(
      'after',
      '\nExit codes, as of `kubectl diff`: 0 no difference, 1 differences, above 1 an error.\n' +
        'Documents of other API groups are skipped, and named on standard error.\n' +
        '\nIt shows what `landbridge apply` would do, not what an operator would: of resources in Kubernetes, adoption,\n' +
        'claims of others, annotations and what holds a deletion are in their status.\n' +
        '\nExamples:\n  landbridge diff -f topics.yaml\n  landbridge diff -f mesh.yaml --region eu-west -o json\n' +
        '  kubectl kustomize examples/team | landbridge diff -f -',
    )
    .action(async (flags: DiffFlags, command: Command) => {
      const differences = await neverOne(() => {
        let count = 0
        const compared = withMesh(command, context, async (connection) => {
          count = await compare(flags, connection, context)
        })
        return compared.then(() => count)
      })
      if (differences > 0) throw new CommandFailure(EXIT.different, `diff: ${differences} to apply, see above`)
    })
}

/** Shows what differs; returns how many documents do, each region counted by itself. */
async function compare(flags: DiffFlags, { mesh, settings, printer }: Connection, context: Context): Promise<number> {
  const sources = await readSources(flags.file, context)
  const options = { dryRun: true, signal: context.signal }
  const answers = await applyInTurn(targetsOf(settings, flags.region), sources, mesh, options)
  const rows = answers.flatMap((answer) => answer.rows ?? []).filter(({ action }) => action !== 'unchanged')
  if (answers.some((answer) => answer.error === undefined)) {
    await printer.list({
      columns: COLUMNS,
      rows,
      json: ({ answeredBy, ...outcome }) => ({ region: answeredBy, ...outcome }),
      empty: 'No difference.',
    })
  }
  throwIfWrong(answers, sources)
  await failForSilent(answers, context)
  const refused = rows.filter(({ action }) => action === 'failed').length
  if (refused > 0) throw new CommandFailure(EXIT.usage, `diff: ${refused} could not be applied, see above`)
  return rows.length
}

/** Exit code 1 says that there are differences, and nothing else. */
async function neverOne<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (exitCodeOf(error) !== EXIT.different) throw error
    const hint = hintOf(error)
    throw new CommandFailure(EXIT.usage, messageOf(error), { cause: error, ...(hint === undefined ? {} : { hint }) })
  }
}

const CHANGES: Readonly<Record<ApplyOutcome['action'], string>> = {
  created: 'created',
  updated: 'updated',
  unchanged: 'unchanged',
  deleted: 'deleted',
  failed: 'refused',
}

const COLUMNS: readonly Column<ApplyOutcome>[] = [
  { title: 'REGION', text: ({ answeredBy }) => answeredBy },
  { title: 'KIND', text: ({ kind }) => kind },
  { title: 'NAME', text: ({ name }) => name },
  { title: 'WOULD BE', text: ({ action }) => CHANGES[action], colour: ({ action }) => ACTION_COLOURS[action] },
  { title: 'CHANGES', text: ({ error, changes }) => error ?? changes.join('; ') },
]
