import { MeshError, parseDocuments } from '@landbridge/core'
import type { Command } from 'commander'
import type { ApplyOutcome } from '../../index.ts'
import { CommandFailure, workFailure } from '../command-failure.ts'
import { targetsOf, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { failForSilent, type RegionAnswer } from '../every-region.ts'
import { EXIT } from '../exit-code.ts'
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
        throwIfWrong(answers, sources)
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

/** Documents that the first region refuses: nothing was done. Of several files, the one that is wrong is named. */
function throwIfWrong(answers: readonly RegionAnswer<ApplyOutcome>[], sources: readonly Source[]): void {
  const error = answers.find((answer) => isWrong(answer.error))?.error
  if (!(error instanceof MeshError)) return
  // The gateway counts documents over all files.
  const texts =
    sources.length < 2 ? [] : sources.map(({ file, text }) => ({ file, problem: parseDocuments(text).error }))
  const wrong = texts.find(({ problem }) => problem !== undefined)
  const message = wrong?.problem === undefined ? error.message : `${wrong.file}: ${wrong.problem.message}`
  const nothingDone = answers.every((answer) => answer.error !== undefined)
  throw new CommandFailure(nothingDone ? EXIT.usage : EXIT.failed, message, { cause: error })
}

function isWrong(error: unknown): boolean {
  return error instanceof MeshError && error.code === 'invalid_argument'
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
