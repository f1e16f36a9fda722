/** What can be wrong with a link that still carries connections. Each holds for both directions unless it says otherwise. */
export type LinkTrouble =
  /** Everything arrives late by `delayMs`, more or less by up to `jitterMs`; nothing overtakes. */
  | { readonly kind: 'delay'; readonly delayMs: number; readonly jitterMs: number }
  /** At most so many bytes a second in each direction of each connection. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** One direction is swallowed, the other one works: what the dialling end says is lost 'there', the answers 'back'. */
  | { readonly kind: 'half-open'; readonly lost: 'there' | 'back' }
  /** A share of what is sent is lost and sent again 200 ms later. */
  | { readonly kind: 'loss'; readonly ratio: number }

/** In a few words. */
export function describeTrouble(trouble: LinkTrouble): string {
  switch (trouble.kind) {
    case 'delay':
      return `delay ${trouble.delayMs}±${trouble.jitterMs} ms`
    case 'slow':
      return `slow, ${trouble.bytesPerSecond} B/s`
    case 'half-open':
      return `half-open, lost on the way ${trouble.lost}`
    case 'loss':
      return `loss of ${(trouble.ratio * 100).toFixed(1)}%`
  }
}
