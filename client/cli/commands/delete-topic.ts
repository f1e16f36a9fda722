import { MeshError } from '@landbridge/core'
import type { Command } from 'commander'
import type { ApplyOutcome } from '../../index.ts'
import { workFailure } from '../command-failure.ts'
import { confirm } from '../confirm.ts'
import { type Connection, targetsOf, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { askEvery, failForSilent, type RegionAnswer } from '../every-region.ts'
import { topicArgument } from '../option-values.ts'
import type { Column } from '../table.ts'

type DeleteFlags = { readonly region?: string; readonly yes?: boolean; readonly dryRun?: boolean }

/** `landbridge topics delete`: a topic, and its events where its document says so. */
export function addDeleteTopicCommand(topics: Command, context: Context): void {
  topics
    .command('delete')
    .description('delete a topic from every region of the endpoints')
    .argument('<topic>', '<tenant>/<topic>', topicArgument)
    .option('--region <name>', 'delete it from this region only')
    .option('--dry-run', 'show what would go, and what would stay')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      '\nWith deletionPolicy Delete its events go, too; with Retain (the default) the stream stays, and applying the topic\n' +
        'again takes it up.\n\nExamples:\n  landbridge topics delete acme/orders --dry-run\n  landbridge topics delete acme/orders --yes',
    )
    .action(async (name: string, flags: DeleteFlags, command: Command) => {
      await withMesh(command, context, (connection) => deleteTopic(name, flags, connection, context))
    })
}

async function deleteTopic(name: string, flags: DeleteFlags, connection: Connection, context: Context): Promise<void> {
  const remove = (targets: readonly string[], dryRun: boolean) => {
    const options = { signal: context.signal, dryRun }
    const document = { kind: 'Topic', name } as const
    return askEvery(targets, (endpoint) => connection.mesh.admin.delete([document], { ...options, endpoint }))
  }
  const targets = targetsOf(connection.settings, flags.region)
  const planned = await remove(targets, true)
  const there = planned.filter(({ rows }) => rows?.some(({ action }) => action !== 'unchanged'))
  if (there.length === 0) {
    await failForSilent(planned, context)
    throw new MeshError('not_found', `delete topic: ${name} is not known in ${targets.join(', ')}`)
  }
  if (flags.dryRun === true) return report(planned, 'WOULD BE', connection, context)
  if (flags.yes !== true) {
    const lines = there
      .flatMap(({ rows }) => rows ?? [])
      .map(({ answeredBy, changes, error }) => `${answeredBy}: ${error ?? ['topic goes', ...changes].join('; ')}`)
    await confirm({ what: 'delete topic', name, lines, question: `Delete ${name}?` }, context)
  }
  await report(await remove(targets, false), 'ACTION', connection, context)
}

async function report(
  answers: readonly RegionAnswer<ApplyOutcome>[],
  heading: string,
  { printer }: Connection,
  context: Context,
): Promise<void> {
  const rows = answers.flatMap((answer) => answer.rows ?? [])
  await printer.list({
    columns: columnsFor(heading),
    rows,
    json: ({ answeredBy, ...outcome }) => ({ region: answeredBy, ...outcome }),
    empty: 'Nothing.',
  })
  await failForSilent(answers, context)
  const failed = rows.filter(({ action }) => action === 'failed').length
  if (failed > 0) throw workFailure(`delete topic: failed in ${failed} of ${rows.length} regions, see above`)
}

function columnsFor(heading: string): readonly Column<ApplyOutcome>[] {
  return [
    { title: 'REGION', text: (outcome) => outcome.answeredBy },
    { title: 'TOPIC', text: (outcome) => outcome.name },
    { title: heading, text: (outcome) => (outcome.action === 'unchanged' ? 'not there' : outcome.action) },
    { title: 'EVENTS', text: (outcome) => outcome.error ?? outcome.changes.join('; ') },
  ]
}
