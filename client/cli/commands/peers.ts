import type { Command } from 'commander'
import type { PeerStatus } from '../../index.ts'
import { targetsOf, withMesh } from '../connection.ts'
import type { Context } from '../context.ts'
import { ANSWER_MS, askEvery, failForSilent, rowsOf } from '../every-region.ts'
import type { Colour, Column } from '../table.ts'
import { fromNow } from '../words.ts'
import { addRetirePeerCommand } from './retire-peer.ts'

/** A link, and when the region told of it, ms since 1970. */
type SeenPeer = PeerStatus & { readonly answeredMs: number }

/** `landbridge peers`: the links between regions, as each region sees them. */
export function addPeersCommand(program: Command, context: Context): void {
  const peers = program
    .command('peers')
    .description('links between the regions, as each region sees them')
    .option('--region <name>', 'ask this region only (default: all of the endpoints)')
    .addHelpText('after', '\nExamples:\n  landbridge peers\n  landbridge peers --region us-east -o json')
    .action(async (flags: { readonly region?: string }, command: Command) => {
      await withMesh(command, context, async ({ mesh, settings, printer }) => {
        const { signal } = context
        const timeoutMs = settings.timeoutMs ?? ANSWER_MS
        const answers = await askEvery(targetsOf(settings, flags.region), async (endpoint) => {
          const peers = await mesh.admin.peers({ endpoint, signal, timeoutMs })
          // Ages are as of this answer: another region may take longer to answer.
          const answeredMs = context.now()
          return peers.map((peer): SeenPeer => ({ ...peer, answeredMs }))
        })
        const rows = rowsOf(answers, (peer) => `${peer.answeredBy} ${peer.region}`)
        if (rows.length > 0 || answers.some((answer) => answer.error === undefined)) {
          await printer.list({
            columns: COLUMNS,
            rows,
            json: ({ answeredBy, answeredMs: _, region, ...status }) => ({
              region: answeredBy,
              peer: region,
              ...status,
            }),
            empty: 'No peers.',
          })
        }
        await failForSilent(answers, context)
      })
    })
  addRetirePeerCommand(peers, context)
}

const COLOURS: Readonly<Record<PeerStatus['state'], Colour>> = {
  connected: 'green',
  connecting: 'yellow',
  disconnected: 'red',
  unknown: 'yellow',
}

const COLUMNS: readonly Column<SeenPeer>[] = [
  { title: 'REGION', text: (peer) => peer.answeredBy },
  { title: 'PEER', text: (peer) => peer.region },
  { title: 'STATE', text: (peer) => peer.state, colour: (peer) => COLOURS[peer.state] },
  { title: 'LAST CONTACT', text: contactText },
  { title: 'RTT', text: ({ rttMs }) => (rttMs === undefined ? '' : `${rttMs.toFixed(1)} ms`), align: 'right' },
  { title: 'COST', text: (peer) => String(peer.cost), align: 'right' },
  { title: 'PULLS', text: (peer) => String(peer.pulls), align: 'right' },
  { title: 'ENDPOINTS', text: (peer) => peer.endpoints.join(', ') },
  { title: 'REASON', text: (peer) => peer.reason ?? '' },
]

function contactText({ lastContact, answeredMs }: SeenPeer): string {
  // Our clock and the gateway's may differ a little.
  return lastContact === undefined ? 'never' : fromNow(Math.min(lastContact.getTime(), answeredMs - 1), answeredMs)
}
