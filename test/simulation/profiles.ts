/** Time is in ticks of one second: one random step of each actor, about. */
export const TICK_MS = 1_000
/** The time of all clocks at tick 0, ms. */
export const EPOCH_MS = 1_000_000_000

/**
 * What may happen: a link is cut or mended; a region stands still, cut off, or goes on; a region loses power, with what
 * was not synced; a stream is deleted and made anew; an applier ends; a gateway ends; a gateway stands still for a while
 * and then goes on where it was; a region's clock steps.
 */
export type Fault = 'link' | 'region' | 'power' | 'recreate' | 'applier' | 'kill' | 'pause' | 'clock'

/** How one kind of run differs from another. Rates are probabilities per tick. */
export type Profile = {
  /** What it is for. */
  readonly about: string
  /** Number of regions: least and most. */
  readonly regions: readonly [number, number]
  /** Gateway pods a region: least and most. */
  readonly pods: readonly [number, number]
  /** Ticks with faults; then everything heals. */
  readonly steps: number
  /** The topic's duplicate window, ticks. It must exceed two batch lives. */
  readonly windowTicks: number
  /** A batch, or a single message in flight, is dead after so many ticks. */
  readonly lifeTicks: number
  /** How old the view may be from which copy checks are answered, ticks. It must stay below window - life. */
  readonly staleTicks: number
  /** Regions are linked in a line for ever, so that relays are the only route. */
  readonly line: boolean
  /** Upstreams are chosen as in a gateway, links have costs and are cut in one direction, and some never were. */
  readonly routes: boolean
  /** Batches are not atomic: only the first message is fenced, and repeated ones are passed over. */
  readonly pieces: boolean
  /** The topic keeps events for so long, ticks; 0: for ever. It must exceed by far what clients and repairs take. */
  readonly retentionTicks: number
  /** One region never comes back after the faults. */
  readonly dead: boolean
  /** Acknowledgements wait for a second region. */
  readonly quorum: boolean
  /** The topic has a filter, and classifications that keep events out of regions. */
  readonly egress: boolean
  /** How far clocks are apart at most, ticks; they step within that. 0: one clock. */
  readonly clockTicks: number
  readonly rates: {
    /** A batch in flight arrives. */
    readonly deliver: number
    /** What the server has is synced to disk. */
    readonly sync: number
    /** A fault. */
    readonly fault: number
    /** Which fault it is: their share. */
    readonly faults: Readonly<Record<Fault, number>>
    /** A second applier of the same origin starts. */
    readonly race: number
    /** Batches that are not atomic: their sender stands still behind a message. */
    readonly stall: number
    /** A gateway hands an event to another region. */
    readonly forward: number
    /** A client begins to publish an event. */
    readonly event: number
  }
}

const FAULTS = { link: 350, region: 250, power: 150, recreate: 15, applier: 235, kill: 0, pause: 0, clock: 0 }

const usual: Profile = {
  about: 'what happens on a bad day',
  regions: [2, 4],
  pods: [1, 1],
  steps: 700,
  windowTicks: 60,
  lifeTicks: 10,
  staleTicks: 0,
  line: false,
  routes: false,
  pieces: false,
  retentionTicks: 0,
  dead: false,
  quorum: false,
  egress: false,
  clockTicks: 0,
  rates: { deliver: 1, sync: 0.03, fault: 0.04, faults: FAULTS, race: 0.01, stall: 0, forward: 0, event: 0.06 },
}

const racy: Profile = {
  ...usual,
  about: 'long batches, very slow delivery, many racing appliers',
  windowTicks: 200,
  lifeTicks: 60,
  rates: { ...usual.rates, deliver: 0.12, sync: 0.01, fault: 0.1, race: 0.5, event: 0.2 },
}

/** The kinds of runs. */
export const PROFILES = {
  usual,
  hard: {
    ...usual,
    about: 'slow delivery, many faults, rare syncs',
    rates: { ...usual.rates, deliver: 0.3, sync: 0.01, fault: 0.1, race: 0.1, event: 0.12 },
  },
  line: { ...usual, about: 'relays are the only route', regions: [3, 4], line: true },
  routes: {
    ...usual,
    about: 'upstreams are chosen as gateways do; links work one way only, and some never',
    regions: [3, 5],
    routes: true,
  },
  racy,
  pieces: {
    ...racy,
    about: 'as racy, and batches are not atomic: their senders stand still in the middle of them',
    pieces: true,
    rates: { ...racy.rates, deliver: 0.5, stall: 0.4 },
  },
  pods: {
    ...usual,
    about: 'two or three gateways a region, killed and paused; attempts arrive late',
    pods: [2, 3],
    rates: { ...usual.rates, fault: 0.08, faults: { ...FAULTS, applier: 0, kill: 200, pause: 500 }, event: 0.12 },
  },
  clocks: {
    ...usual,
    about: 'clocks are set back and forth, within the skew that is allowed',
    pods: [1, 2],
    clockTicks: 5,
    rates: { ...usual.rates, fault: 0.08, faults: { ...FAULTS, clock: 700, pause: 150 }, event: 0.12 },
  },
  retention: { ...usual, about: 'events expire, and what was missed shows as a gap', retentionTicks: 200 },
  forward: {
    ...usual,
    about: 'gateways hand events to other regions',
    pods: [1, 2],
    rates: { ...usual.rates, forward: 0.5, event: 0.12 },
  },
  egress: {
    ...usual,
    about: 'a filter, and classifications that keep events out of regions',
    regions: [3, 4],
    egress: true,
    rates: { ...usual.rates, event: 0.12 },
  },
  quorum: {
    ...usual,
    about: 'acknowledged by two regions, and one never comes back',
    regions: [3, 4],
    dead: true,
    quorum: true,
    rates: { ...usual.rates, faults: { ...FAULTS, power: 60 }, event: 0.12 },
  },
  dead: { ...usual, about: 'one region never comes back', regions: [3, 4], dead: true },
  stale: { ...usual, about: 'copy checks see the stream as it was a while ago', staleTicks: 20 },
} as const satisfies Record<string, Profile>

/** The name of a profile. */
export type ProfileName = keyof typeof PROFILES

/** Every profile. */
export const PROFILE_NAMES = Object.keys(PROFILES) as readonly ProfileName[]
