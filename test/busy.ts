/**
 * What a time that is promised may take longer in a test, milliseconds: tests share their machine with each other, and one
 * of them starts a whole mesh on it. The drills and the benchmark hold the same times against the promise itself.
 */
export const BUSY_MS = 3_000
