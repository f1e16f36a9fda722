const PRELOAD = new URL('./shift-clock.ts', import.meta.url).href

/** Environment of a gateway whose machine's clock is wrong by `offsetMs`, for `gatewayEnv`. */
export function clockOffset(offsetMs: number): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${PRELOAD}`, LAB_CLOCK_OFFSET_MS: String(offsetMs) }
}
