/** What can be wrong with a link that still carries connections. Each holds for both directions unless it says otherwise. */
export type LinkTrouble =
  /**
   * Everything arrives late by `delayMs`, more or less by up to `jitterMs`; nothing overtakes. With `packetLoss`, that share of the packets is lost
   * and sent again a round trip (twice `delayMs`) later, while what is behind them goes on: see `Link.setPacketLoss`.
   */
  | { readonly kind: 'delay'; readonly delayMs: number; readonly jitterMs: number; readonly packetLoss?: number }
  /** At most so many bytes a second in each direction of each connection. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** One direction is swallowed, the other one works: what the dialling end says is lost 'there', the answers 'back'. */
  | { readonly kind: 'half-open'; readonly lost: 'there' | 'back' }
  /** A share of what is sent is lost and sent again 200 ms later; nothing is read meanwhile: see `Link.setLoss`. */
  | { readonly kind: 'loss'; readonly ratio: number }

/** In a few words. */
export function describeTrouble(trouble: LinkTrouble): string {
  switch (trouble.kind) {
    case 'delay':
      return `delay ${trouble.delayMs}±${trouble.jitterMs} ms${lossWords(trouble.packetLoss)}`
    case 'slow':
      return `slow, ${trouble.bytesPerSecond} B/s`
    case 'half-open':
      return `half-open, lost on the way ${trouble.lost}`
    case 'loss':
      return `loss of ${(trouble.ratio * 100).toFixed(1)}%`
  }
}

function lossWords(ratio = 0): string {
  return ratio === 0 ? '' : `, ${(ratio * 100).toFixed(1)}% of packets lost`
}
