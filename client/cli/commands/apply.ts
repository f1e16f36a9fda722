import type { Command } from 'commander'
import type { ApplyOutcome } from '../../index.ts'
import { applyInTurn, readSources, throwIfWrong } from '../apply-documents.ts'
import { workFailure } from '../command-failure.ts'
import { targetsOf, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { failForSilent } from '../every-region.ts'
import { listOption } from '../option-values.ts'
import type { Colour, Column } from '../table.ts'

type ApplyFlags = {
  readonly file: readonly string[]
  readonly dryRun?: boolean
  readonly region?: string
}

/** `landbridge apply`: declares topics, policies and peers in every region. */
export function addApplyCommand(program: Command, context: Context): void {
  program
    .command('apply')
    .description('apply Topic, AccessPolicy and RegionPeer documents to every region of the endpoints')
    .requiredOption('-f, --file <file>', 'YAML or JSON; - for standard input; may be given several times', listOption)
    .option('--dry-run', 'check, and show what would change')
    .option('--region <name>', 'apply to this region only (default: all of the endpoints)')
    .addHelpText(
      'after',
      '\nA region applies all documents or, when one is wrong, none. Those of other API groups are skipped, and named on\n' +
        'standard error.\n' +
        '\nExamples:\n  landbridge apply -f topics.yaml -f policies.yaml --dry-run\n  cat topics.yaml | landbridge apply -f -',
    )
    .action(async (flags: ApplyFlags, command: Command) => {
      await withMesh(command, context, async ({ mesh, settings, printer }) => {
        const targets = targetsOf(settings, flags.region)
        const sources = await readSources(flags.file, context)
        const dryRun = flags.dryRun === true
        const answers = await applyInTurn(targets, sources, mesh, { dryRun, signal: context.signal })
        const rows = answers.flatMap((answer) => answer.rows ?? [])
        if (answers.some((answer) => answer.error === undefined)) {
          await printer.list({
            columns: columnsFor(dryRun),
            rows,
            json: ({ answeredBy, ...outcome }) => ({ region: answeredBy, ...outcome, dryRun }),
            empty: 'No documents.',
          })
        }
        throwIfWrong(answers, sources)
        await failForSilent(answers, context)
        throwIfFailed(rows)
      })
    })
}

function throwIfFailed(outcomes: readonly ApplyOutcome[]): void {
  const failed = outcomes.filter((outcome) => outcome.action === 'failed').length
  if (failed > 0) throw workFailure(`apply: ${failed} of ${outcomes.length} could not be applied, see above`)
}

export const ACTION_COLOURS: Readonly<Record<ApplyOutcome['action'], Colour | undefined>> = {
  created: 'green',
  updated: 'yellow',
  unchanged: undefined,
  deleted: 'yellow',
  failed: 'red',
}

function columnsFor(dryRun: boolean): readonly Column<ApplyOutcome>[] {
  return [
    { title: 'REGION', text: (outcome) => outcome.answeredBy },
    { title: 'KIND', text: (outcome) => outcome.kind },
    { title: 'NAME', text: (outcome) => outcome.name },
    {
      title: dryRun ? 'WOULD BE' : 'ACTION',
      text: (outcome) => outcome.action,
      colour: (outcome) => ACTION_COLOURS[outcome.action],
    },
    { title: 'CHANGES', text: (outcome) => outcome.error ?? outcome.changes.join('; ') },
  ]
}
