import type { Command } from 'commander'
import type { Admin } from '../../index.ts'
import { confirm } from '../confirm.ts'
import { type Connection, targetsOf, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { askEvery, failForSilent, type RegionAnswer } from '../every-region.ts'
import type { Column } from '../table.ts'

type RetireFlags = { readonly region?: string; readonly yes?: boolean; readonly dryRun?: boolean }
/** What one region gave back of one topic; `more`: it was only counted so far. */
type Row = { readonly answeredBy: string; readonly topic: string; readonly events: number; readonly more: boolean }

/** A call takes up to 20 s at the rate at which regions give events back. */
const CALL = { eventsMax: 200_000, timeoutMs: 60_000 } as const

/** `landbridge peers retire`: what to do when a region will never come back. */
export function addRetirePeerCommand(peers: Command, context: Context): void {
  peers
    .command('retire')
    .description('a region is gone for good: give its events that others hold to all remaining regions')
    .argument('<region>', 'the region that is gone')
    .option('--region <name>', 'let this region only give back what it holds (default: all of the endpoints)')
    .option('--dry-run', 'count only')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      '\nNot for a region that comes back: that one settles everything by itself. Leave the lost region out of the\n' +
        'endpoints, run this once, and then delete its RegionPeer document everywhere.\n\n' +
        'Examples:\n  landbridge peers retire us-east --dry-run\n  landbridge peers retire us-east --yes',
    )
    .action(async (gone: string, flags: RetireFlags, command: Command) => {
      await withMesh(command, context, (connection) => retire(gone, flags, connection, context))
    })
}

async function retire(gone: string, flags: RetireFlags, connection: Connection, context: Context): Promise<void> {
  const { mesh, settings, printer } = connection
  const { signal } = context
  const targets = targetsOf(settings, flags.region)
  const list = async (answers: readonly RegionAnswer<Row>[], heading: string) => {
    const rows = answers.flatMap((answer) => answer.rows ?? [])
    const json = ({ answeredBy, ...row }: Row) => ({ region: answeredBy, ...row })
    await printer.list({ columns: columnsFor(heading), rows, json, empty: `Nothing of ${gone} is to be given back.` })
    await failForSilent(answers, context)
  }
  const counted = await askEvery(targets, async (endpoint) => {
    const { topics, more, answeredBy } = await mesh.admin.retire(gone, { ...CALL, endpoint, signal, dryRun: true })
    return topics.map((topic) => ({ ...topic, answeredBy, more }))
  })
  if (flags.dryRun === true) return list(counted, 'EVENTS TO GIVE BACK')
  const rows = counted.flatMap((answer) => answer.rows ?? [])
  if (flags.yes !== true && rows.length > 0) {
    const lines = rows.map((row) => `${row.answeredBy}: ${row.topic}: ${eventsText(row)} events to give back`)
    await confirm({ what: 'retire', name: gone, lines, question: `Is ${gone} gone for good?` }, context)
  }
  await list(await askEvery(targets, (endpoint) => giveBack(mesh.admin, gone, endpoint, signal)), 'GIVEN BACK')
}

/** As often as there is more. */
async function giveBack(admin: Admin, gone: string, endpoint: string, signal: AbortSignal): Promise<Row[]> {
  const totals = new Map<string, number>()
  for (;;) {
    const { topics, more, answeredBy } = await admin.retire(gone, { ...CALL, endpoint, signal })
    for (const { topic, events } of topics) totals.set(topic, (totals.get(topic) ?? 0) + events)
    if (!more) return [...totals].map(([topic, events]) => ({ answeredBy, topic, events, more }))
  }
}

function columnsFor(heading: string): readonly Column<Row>[] {
  return [
    { title: 'REGION', text: ({ answeredBy }) => answeredBy },
    { title: 'TOPIC', text: ({ topic }) => topic },
    { title: heading, text: eventsText, align: 'right' },
  ]
}

function eventsText({ events, more }: Row): string {
  return more ? `${events} or more` : String(events)
}
