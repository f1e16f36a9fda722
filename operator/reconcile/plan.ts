import { heldByOf, isStored, type MeshDocument, planTopic, STREAM_METADATA, toStored } from '@landbridge/core'
import { formatHolder, holderName, type Rival, rivalOf } from './holder.ts'
import type { Found, Plan, Step, Wish } from './types.ts'

const NOTHING: readonly never[] = []

/**
 * What to do about one resource. Pure: the same for every kind, with a stream or without.
 *
 * 1. Nothing is touched for a resource that is paused, invalid, or claims what an older one has. What an earlier spec
 *    made stays.
 * 2. The finalizer comes first: what the operator makes it can find again when the resource goes.
 * 3. A stream is taken over when it is this topic's and matches, or when asked; never when it is somebody else's. So is
 *    an entry of the configuration. What an older resource holds, known here or not, is left to it.
 * 4. Deleting touches nothing before it may: while the topic is in use it waits, unless told not to. It goes by the name
 *    alone: what a spec made that was readable once goes, although the one of now is not.
 */
export function planResource(wish: Wish, found: Found): Plan {
  if (wish.unmanaged) return plan(removal(wish), { kind: 'unmanaged' })
  if (wish.paused) return plan(NOTHING, { kind: 'paused' })
  if (wish.deleting) return planDeletion(wish, found)
  const { document } = wish
  if (document.error !== undefined) return plan(NOTHING, { kind: 'invalid', message: document.error.message })
  if (wish.claimedBy !== undefined) return plan(NOTHING, { kind: 'claimed', by: wish.claimedBy, recorded: false })
  return planPresence(wish, found, document.value)
}

function planPresence(wish: Wish, found: Found, document: MeshDocument): Plan {
  const steps: Step[] = wish.finalizer ? [] : [{ kind: 'add-finalizer' }]
  const drift: string[] = []
  const entry = entryOf(wish, found, document)
  // Whoever takes the place of one that is gone has the finalizer from then on, and yields if it was not.
  const isAsked = wish.adopt && !wish.finalizer
  if (entry.rival === 'older' && !isAsked) {
    return plan(NOTHING, { kind: 'claimed', by: holderName(entry.heldBy), recorded: true })
  }
  const mayTake = wish.finalizer || wish.adopt || entry.rival === 'newer'
  if (found.stream !== undefined) {
    const { desired, observed } = found.stream
    const { action, changes, reason, shape } = planTopic(desired, observed)
    if (action === 'refuse') {
      const kind = wish.finalizer && !isForeign(found) ? 'ChangeRefused' : 'AdoptionRefused'
      return plan(NOTHING, { kind: 'refused', reason: kind, message: reason ?? 'refused' })
    }
    if (action === 'update' && !mayTake)
      return differing(`stream ${desired.name} exists and differs: ${changes.join(', ')}`)
    if (action === 'create') {
      steps.push({ kind: 'create-stream', shape })
      if (wish.wasSynced) drift.push(`stream ${desired.name} was deleted`)
    } else if (action === 'update') {
      steps.push({ kind: 'update-stream', shape })
      if (wish.wasSynced) drift.push(...changes)
    }
  }
  // After the stream: gateways must not use one that is not there.
  if (entry.state === 'differs' && !mayTake) return differing('its entry of the configuration exists and differs')
  if (entry.state !== 'held') {
    steps.push({ kind: 'put-config', document, heldBy: formatHolder(wish.holder) })
    if (wish.wasSynced && entry.state !== 'same') {
      drift.push(`configuration ${entry.state === 'absent' ? 'was deleted' : 'was changed'}`)
    }
  }
  return { steps, verdict: { kind: 'in-place' }, drift }
}

type Entry = {
  /** "held": as it should be. "same": only its holder is another, or not said. */
  readonly state: 'absent' | 'held' | 'same' | 'differs'
  readonly rival: Rival
  readonly heldBy: string
}

function entryOf({ holder }: Wish, { stored }: Found, document: MeshDocument): Entry {
  if (stored === undefined) return { state: 'absent', rival: 'none', heldBy: '' }
  const heldBy = formatHolder(holder)
  if (stored === toStored(document, heldBy)) return { state: 'held', rival: 'none', heldBy }
  const other = heldByOf(stored)
  const state = isStored(stored, document) ? 'same' : 'differs'
  return { state, rival: rivalOf(holder, other), heldBy: other ?? '' }
}

function differing(what: string): Plan {
  const message = `${what}; wanted one that matches, or the annotation ${ANNOTATION.adopt}: "true"`
  return plan(NOTHING, { kind: 'refused', reason: 'AdoptionRefused', message })
}

function planDeletion(wish: Wish, found: Found): Plan {
  const { identity } = wish
  // It never had anything, or what it claims belongs to another resource.
  if (!wish.finalizer || wish.claimedBy !== undefined || identity === undefined) {
    return plan(removal(wish), { kind: 'deleted' })
  }
  if (found.stored !== undefined && rivalOf(wish.holder, heldByOf(found.stored)) !== 'none') {
    return plan(removal(wish), { kind: 'deleted' })
  }
  if (found.inUse.length > 0 && !wish.deleteAnyway) return plan(NOTHING, { kind: 'held', waitsFor: found.inUse })
  const steps: Step[] = []
  if (found.stored !== undefined) steps.push({ kind: 'delete-config', key: identity.key })
  const { stream } = found
  if (stream?.observed !== undefined && wish.deletesEvents && !isForeign(found)) {
    steps.push({ kind: 'delete-stream', name: stream.desired.name })
  }
  return plan([...steps, ...removal(wish)], { kind: 'deleted' })
}

/** Whether the stream that is there was made for something else. */
function isForeign({ stream }: Found): boolean {
  const key = STREAM_METADATA.topic
  return stream?.observed !== undefined && stream.observed.metadata[key] !== stream.desired.metadata[key]
}

function removal(wish: Wish): readonly Step[] {
  return wish.finalizer ? [{ kind: 'remove-finalizer' }] : NOTHING
}

function plan(steps: readonly Step[], verdict: Plan['verdict']): Plan {
  return { steps, verdict, drift: NOTHING }
}

/** Annotations that people put on resources, each with the value "true". */
export const ANNOTATION = {
  /** Nothing is changed, deletion included: it waits until the annotation is gone. */
  paused: 'landbridge.dev/paused',
  /** The operator lets go of it: no change, no repair; deleting it leaves everything in the region. */
  unmanaged: 'landbridge.dev/unmanaged',
  /** Take over the stream that is there although it differs. */
  adopt: 'landbridge.dev/adopt',
  /** Delete although the topic is in use, or although the region's NATS is gone for good. */
  deleteAnyway: 'landbridge.dev/delete-anyway',
} as const

/** Keeps a resource until what it made is cleaned up. */
export const FINALIZER = 'landbridge.dev/cleanup'
