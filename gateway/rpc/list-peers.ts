import { create } from '@bufbuild/protobuf'
import type { PeerStatus } from '@landbridge/core'
import { LinkState, type ListPeersRequest, type ListPeersResponse, ListPeersResponseSchema } from '@landbridge/proto'
import type { AdminAccess } from '../auth/index.ts'
import { timestampOf } from '../time.ts'
import { principalOf } from './call-context.ts'
import type { UnaryMethod } from './unary.ts'

const STATES = {
  connecting: LinkState.CONNECTING,
  connected: LinkState.CONNECTED,
  disconnected: LinkState.DISCONNECTED,
} as const satisfies Record<PeerStatus['state'], LinkState>

/** `AdminService.ListPeers`: for administrators of the region. */
export function listPeers(tools: {
  readonly region: string
  readonly admins: AdminAccess
  readonly peers: () => Promise<readonly PeerStatus[]>
}): UnaryMethod<ListPeersRequest, ListPeersResponse> {
  return async (_request, context) => {
    const refusal = tools.admins.regionRefusal(principalOf(context))
    if (refusal !== undefined) throw refusal
    const peers = [...(await tools.peers())].sort((a, b) => (a.region < b.region ? -1 : 1))
    return create(ListPeersResponseSchema, {
      region: tools.region,
      peers: peers.map((peer) => ({
        region: peer.region,
        endpoints: [...peer.endpoints],
        state: STATES[peer.state],
        reason: peer.reason,
        pulls: peer.pulls,
        cost: peer.cost,
        rttMs: peer.rttMs ?? 0,
        ...timestampOf('lastContact', peer.lastContactMs),
      })),
    })
  }
}
