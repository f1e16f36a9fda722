import type { Command } from 'commander'
import type { PeerStatus } from '../../index.ts'
import { targetsOf, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { askEvery, failForSilent, rowsOf } from '../every-region.ts'
import type { Colour, Column } from '../table.ts'
import { fromNow } from '../words.ts'

/** `landbridge peers`: the links between regions, as each region sees them. */
export function addPeersCommand(program: Command, context: Context): void {
  program
    .command('peers')
    .description('links between the regions, as each region sees them')
    .option('--region <name>', 'ask this region only (default: all of the endpoints)')
    .addHelpText('after', '\nExamples:\n  landbridge peers\n  landbridge peers --region us-east -o json')
    .action(async (flags: { readonly region?: string }, command: Command) => {
      await withMesh(command, context, async ({ mesh, settings, printer }) => {
        const { signal } = context
        const answers = await askEvery(targetsOf(settings, flags.region), (endpoint) =>
          mesh.admin.peers({ endpoint, signal }),
        )
        const rows = rowsOf(answers, (peer) => `${peer.answeredBy} ${peer.region}`)
        if (rows.length > 0 || answers.some((answer) => answer.error === undefined)) {
          await printer.list({
            columns: columnsAt(context.now()),
            rows,
            json: ({ answeredBy, region, ...status }) => ({ region: answeredBy, peer: region, ...status }),
            empty: 'No peers.',
          })
        }
        await failForSilent(answers, context)
      })
    })
}

const COLOURS: Readonly<Record<PeerStatus['state'], Colour>> = {
  connected: 'green',
  connecting: 'yellow',
  disconnected: 'red',
  unknown: 'yellow',
}

function columnsAt(now: number): readonly Column<PeerStatus>[] {
  return [
    { title: 'REGION', text: (peer) => peer.answeredBy },
    { title: 'PEER', text: (peer) => peer.region },
    { title: 'STATE', text: (peer) => peer.state, colour: (peer) => COLOURS[peer.state] },
    { title: 'LAST CONTACT', text: (peer) => contactText(peer, now) },
    { title: 'PULLS', text: (peer) => String(peer.pulls), align: 'right' },
    { title: 'ENDPOINTS', text: (peer) => peer.endpoints.join(', ') },
    { title: 'REASON', text: (peer) => peer.reason ?? '' },
  ]
}

function contactText({ lastContact }: PeerStatus, now: number): string {
  // Our clock and the gateway's may differ a little.
  return lastContact === undefined ? 'never' : fromNow(Math.min(lastContact.getTime(), now - 1), now)
}
