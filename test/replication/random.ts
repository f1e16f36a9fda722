/** A seeded source of numbers from 0 (included) to 1 (excluded): mulberry32. */
export function randomOf(seed: number): () => number {
  let a = Math.imul(seed, 2654435761) >>> 0
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** The seed of a chaos test: LANDBRIDGE_SEED, or another one every time; printed so that a failure can be repeated. */
export function chaosSeed(name: string): number {
  const seed = Number(process.env.LANDBRIDGE_SEED ?? Math.floor(Math.random() * 1e9))
  console.log(`${name}: LANDBRIDGE_SEED=${seed}`)
  return seed
}
