/** What a pull has done so far in one run; counts only grow. */
export type PullProgress = {
  /** The upstream has said how far the origin is. */
  readonly open: boolean
  /** Records that came. */
  readonly received: number
  /** Records that are stored here, or were here. */
  readonly applied: number
  /** Whatever else shows that the run is at work: positions moved over filtered records, acts of a repair. */
  readonly acts: number
  /** Records that the upstream says it has not sent. */
  readonly unsent: number
  /** Heads of this pull and heartbeats of its link: what the upstream says when it sends no records. */
  readonly signs: number
}

/** What is remembered between looks at one run. */
export type PullMark = {
  readonly progress: PullProgress
  readonly sinceMs: number
  /** Looks since then before which the upstream had said something new. */
  readonly beats: number
}

/** What a look at a pull says. */
export type PullVerdict = 'fine' | 'upstream-stalled' | 'applier-stalled'

/** Looks, one a second, at which the upstream had something to say, but no record for us. */
const BEATS_MAX = 8
/** Without a sign: a large record, or those of other pulls, may be before ours on a slow link. */
const SILENT_MS = 300_000
/** Every single step of an applier has a limit far below this. */
const APPLIER_MS = 30_000

/**
 * Whether a pull stands still though there is something to do. Looked at once a second; `mark` is what the last look
 * returned, undefined for the first one at a run.
 *
 * - What waits here and is not applied is the applier's fault, whatever the upstream does.
 * - Nothing waits here, and the upstream has more, or has not even answered: its fault, once it was heard often enough
 *   meanwhile. What came all at once counts as one: then the link was slow, not the upstream.
 */
export function watchPull(
  mark: PullMark | undefined,
  progress: PullProgress,
  nowMs: number,
): { readonly mark: PullMark; readonly verdict: PullVerdict } {
  const waiting = progress.received - progress.applied
  const idle = waiting <= 0 && progress.open && progress.unsent === 0
  if (mark === undefined || idle || moved(mark.progress, progress)) {
    return { mark: { progress, sinceMs: nowMs, beats: 0 }, verdict: 'fine' }
  }
  const stillMs = nowMs - mark.sinceMs
  const beats = mark.beats + (progress.signs === mark.progress.signs ? 0 : 1)
  const next = { progress, sinceMs: mark.sinceMs, beats }
  if (waiting > 0) return { mark: next, verdict: stillMs >= APPLIER_MS ? 'applier-stalled' : 'fine' }
  return { mark: next, verdict: beats >= BEATS_MAX || stillMs >= SILENT_MS ? 'upstream-stalled' : 'fine' }
}

function moved(before: PullProgress, now: PullProgress): boolean {
  return (
    now.received !== before.received ||
    now.applied !== before.applied ||
    now.acts !== before.acts ||
    now.open !== before.open
  )
}
