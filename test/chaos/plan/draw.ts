import type { Dice } from '../random.ts'
import type { Fault, FaultKind, Ground, Interruption, RegionGround, Trouble } from './fault.ts'

/** A fault and how long it lasts. */
export type Draw = { readonly fault: Fault; readonly forMs: number }

type Entry = { readonly weight: (ground: Ground) => number; readonly draw: (dice: Dice, ground: Ground) => Draw }

const clustered = (ground: Ground) => ground.regions.filter(({ nodes }) => nodes === 3)
const always = (weight: number) => () => weight
const ifAny = (weight: number, regions: (ground: Ground) => readonly RegionGround[]) => (ground: Ground) =>
  regions(ground).length > 0 ? weight : 0

const single = (ground: Ground) => ground.regions.filter(({ nodes }) => nodes === 1)
const withDisk = (ground: Ground) => ground.regions.filter(({ disks }) => disks.length > 0)

/** How often each kind is drawn, and what it is then. */
const ENTRIES: Readonly<Record<FaultKind, Entry>> = {
  kill: {
    weight: always(6),
    draw: (dice, ground) => ({ fault: { kind: 'kill', ...process(dice, ground) }, forMs: dice.int(100, 6_000) }),
  },
  'kill-again': {
    weight: always(2),
    draw: (dice, ground) => ({
      fault: { kind: 'kill-again', ...process(dice, ground), againAfterMs: dice.int(200, 2_000) },
      forMs: dice.int(100, 6_000),
    }),
  },
  pause: {
    weight: always(5),
    draw: (dice, ground) => ({ fault: { kind: 'pause', ...process(dice, ground) }, forMs: dice.int(200, 15_000) }),
  },
  leader: {
    weight: ifAny(4, clustered),
    draw: (dice, ground) => {
      const { name } = dice.pick(clustered(ground))
      const fault = { region: name, topic: dice.pick(ground.topics), how: dice.pick(['kill', 'pause'] as const) }
      return { fault: { kind: 'leader', ...fault }, forMs: dice.int(500, 8_000) }
    },
  },
  'region-loss': {
    weight: always(2),
    draw: (dice, ground) => ({
      fault: { kind: 'region-loss', region: dice.pick(ground.regions).name },
      forMs: dice.int(500, 10_000),
    }),
  },
  link: {
    weight: always(4),
    draw: (dice, ground) => {
      const [from, to] = pair(dice, ground)
      return { fault: { kind: 'link', from, to, trouble: troubleOf(dice, ground) }, forMs: dice.int(500, 15_000) }
    },
  },
  cut: {
    weight: always(4),
    draw: (dice, ground) => {
      const [one, other] = pair(dice, ground)
      return { fault: { kind: 'cut', one, other, trouble: troubleOf(dice, ground) }, forMs: dice.int(500, 20_000) }
    },
  },
  isolate: {
    weight: always(2),
    draw: (dice, ground) => ({
      fault: { kind: 'isolate', region: dice.pick(ground.regions).name, trouble: troubleOf(dice, ground) },
      forMs: dice.int(500, 10_000),
    }),
  },
  // Hardly ever finds every process free: each longer plan has one of its own.
  'rolling-restart': {
    weight: always(0.5),
    draw: () => ({ fault: { kind: 'rolling-restart' }, forMs: 0 }),
  },
  clock: {
    weight: (ground) => (ground.clocks ? 3 : 0),
    draw: (dice, ground) => {
      const { name, gateways } = dice.pick(ground.regions)
      const offsetMs = dice.int(5_000, 30_000) * dice.pick([1, -1])
      return {
        fault: { kind: 'clock', region: name, index: dice.int(0, gateways - 1), offsetMs },
        forMs: dice.int(2_000, 25_000),
      }
    },
  },
  'disk-full': {
    weight: ifAny(2, withDisk),
    draw: (dice, ground) => {
      const { name, disks } = dice.pick(withDisk(ground))
      return { fault: { kind: 'disk-full', region: name, index: dice.pick(disks) }, forMs: dice.int(1_000, 10_000) }
    },
  },
  truncate: {
    weight: ifAny(2, clustered),
    draw: (dice, ground) => {
      const { name, nodes } = dice.pick(clustered(ground))
      const share = dice.int(1, 90) / 100
      const fault = { region: name, index: dice.int(0, nodes - 1), topic: dice.pick(ground.topics), share }
      return { fault: { kind: 'truncate', ...fault }, forMs: dice.int(100, 3_000) }
    },
  },
  'power-loss': {
    weight: ifAny(3, single),
    draw: (dice, ground) => {
      const region = dice.pick(single(ground))
      const buckets = dice.pick(['same', 'older', 'newer'] as const)
      const fault = { region: region.name, buckets, gateways: dice.chance(0.5) }
      const interruption = interruptionOf(dice, region)
      return { fault: { kind: 'power-loss', ...fault, interruption }, forMs: dice.int(1_000, 8_000) }
    },
  },
  recreate: {
    weight: always(1),
    draw: (dice, ground) => {
      const region = dice.pick(ground.regions)
      const fault = { region: region.name, topic: dice.pick(ground.topics), interruption: interruptionOf(dice, region) }
      return { fault: { kind: 'recreate', ...fault }, forMs: 0 }
    },
  },
}

/** Every kind. */
export const FAULT_KINDS = Object.keys(ENTRIES) as readonly FaultKind[]

/** Draws one fault; kinds that the ground has no place for are not drawn. */
export function drawFault(dice: Dice, ground: Ground): Draw {
  const choices = FAULT_KINDS.filter((kind) => ground.only?.includes(kind) ?? true).map((kind) => {
    const entry = ENTRIES[kind]
    return { value: entry, weight: entry.weight(ground) }
  })
  return dice.weighted(choices).draw(dice, ground)
}

function process(dice: Dice, ground: Ground) {
  const { name, nodes, gateways } = dice.pick(ground.regions)
  const role = dice.pick(['gateway', 'nats'] as const)
  return { region: name, role, index: dice.int(0, (role === 'gateway' ? gateways : nodes) - 1) }
}

/** A gateway needs a moment to find its peers again, and then gets back what was lost within seconds. */
function interruptionOf(dice: Dice, { gateways }: RegionGround): Interruption | undefined {
  return dice.chance(0.5) ? { gateway: dice.int(0, gateways - 1), afterMs: dice.int(200, 4_000) } : undefined
}

function pair(dice: Dice, ground: Ground): readonly [string, string] {
  const { name: one } = dice.pick(ground.regions)
  const { name: other } = dice.pick(ground.regions.filter(({ name }) => name !== one))
  return [one, other]
}

function troubleOf(dice: Dice, { toxics }: Ground): Trouble {
  const cut = dice.pick(['refused', 'blackhole', 'stalled'] as const)
  if (!toxics) return cut
  switch (dice.int(0, 6)) {
    case 0:
      return { kind: 'delay', delayMs: 100, jitterMs: 50 }
    case 1:
      return { kind: 'loss', ratio: dice.pick([0.01, 0.05, 0.2]) }
    case 2:
      return { kind: 'slow', bytesPerSecond: dice.pick([20_000, 100_000, 1_000_000]) }
    case 3:
      return { kind: 'half-open', lost: dice.pick(['there', 'back'] as const) }
    default:
      return cut
  }
}
