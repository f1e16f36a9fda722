/**
 * Runs `work` with a signal that aborts after `limitMs`, or with `signal`. Nothing is left when it has ended: an
 * `AbortSignal.timeout` stays until it fires, and ten thousand requests leave ten thousand of them.
 */
export async function withinTime<T>(
  limitMs: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const end = new AbortController()
  const abort = () => end.abort(signal?.reason)
  const timer = setTimeout(() => end.abort(new Error(`no answer in ${limitMs} ms`)), limitMs)
  if (signal?.aborted === true) abort()
  else signal?.addEventListener('abort', abort, { once: true })
  try {
    return await work(end.signal)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}
