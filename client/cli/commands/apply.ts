import { MeshError, parseDocuments } from '@landbridge/core'
import type { Command } from 'commander'
import type { ApplyOutcome } from '../../index.ts'
import { workFailure } from '../command-failure.ts'
import { targetsOf, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { failForSilent, type RegionAnswer } from '../every-region.ts'
import { readText } from '../input.ts'
import { listOption } from '../option-values.ts'
import type { Colour, Column } from '../table.ts'

type ApplyFlags = {
  readonly file: readonly string[]
  readonly dryRun?: boolean
  readonly region?: string
}
type Source = { readonly file: string; readonly text: string }

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
      '\nA region applies all documents or, when one is wrong, none.\n' +
        '\nExamples:\n  landbridge apply -f topics.yaml -f policies.yaml --dry-run\n  cat topics.yaml | landbridge apply -f -',
    )
    .action(async (flags: ApplyFlags, command: Command) => {
      await withMesh(command, context, async ({ mesh, settings, printer }) => {
        const targets = targetsOf(settings, flags.region)
        const sources: Source[] = []
        for (const file of flags.file) sources.push({ file, text: await readText(file, 'documents', context) })
        const dryRun = flags.dryRun === true
        const documents = sources.map((source) => source.text).join('\n---\n')
        const answers = await applyInTurn(targets, (endpoint) =>
          mesh.admin.apply(documents, { endpoint, dryRun, signal: context.signal }),
        )
        const rows = answers.flatMap((answer) => answer.rows ?? [])
        if (answers.some((answer) => answer.error === undefined)) {
          await printer.list({
            columns: columnsFor(dryRun),
            rows,
            json: ({ answeredBy, ...outcome }) => ({ region: answeredBy, ...outcome, dryRun }),
            empty: 'No documents.',
          })
        }
        for (const answer of answers) throwIfWrong(answer.error, sources)
        await failForSilent(answers, context)
        throwIfFailed(rows)
      })
    })
}

/** One region after the other; documents that one refuses are wrong in all, so it ends there. */
async function applyInTurn(
  targets: readonly string[],
  apply: (target: string) => Promise<readonly ApplyOutcome[]>,
): Promise<readonly RegionAnswer<ApplyOutcome>[]> {
  const answers: RegionAnswer<ApplyOutcome>[] = []
  for (const target of targets) {
    try {
      answers.push({ target, rows: await apply(target) })
    } catch (error) {
      answers.push({ target, error })
      if (error instanceof MeshError && ['invalid_argument', 'cancelled'].includes(error.code)) break
    }
  }
  return answers
}

/** The gateway counts documents over all files; of several, name the one that is wrong. */
function throwIfWrong(error: unknown, sources: readonly Source[]): void {
  if (!(error instanceof MeshError) || error.code !== 'invalid_argument' || sources.length < 2) return
  for (const { file, text } of sources) {
    const problem = parseDocuments(text).error
    if (problem !== undefined) throw workFailure(`${file}: ${problem.message}`, error)
  }
}

function throwIfFailed(outcomes: readonly ApplyOutcome[]): void {
  const failed = outcomes.filter((outcome) => outcome.action === 'failed').length
  if (failed > 0) throw workFailure(`apply: ${failed} of ${outcomes.length} could not be applied, see above`)
}

const COLOURS: Readonly<Record<ApplyOutcome['action'], Colour | undefined>> = {
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
      colour: (outcome) => COLOURS[outcome.action],
    },
    { title: 'CHANGES', text: (outcome) => outcome.error ?? outcome.changes.join('; ') },
  ]
}
