import type { Dice } from '../random.ts'
import type { Fault, FaultKind, Ground, LinkTrouble, RegionGround } from './fault.ts'

/** A fault and how long it lasts. */
export type Draw = { readonly fault: Fault; readonly forMs: number }

type Entry = { readonly weight: (ground: Ground) => number; readonly draw: (dice: Dice, ground: Ground) => Draw }

const clustered = (ground: Ground) => ground.regions.filter(({ nodes }) => nodes === 3)
const always = (weight: number) => () => weight
const ifAny = (weight: number, regions: (ground: Ground) => readonly RegionGround[]) => (ground: Ground) =>
  regions(ground).length > 0 ? weight : 0

const TROUBLES: readonly LinkTrouble[] = ['refused', 'blackhole', 'stalled']

/** How often each kind is drawn, and what it is then. */
const ENTRIES: Readonly<Record<FaultKind, Entry>> = {
  kill: {
    weight: always(6),
    draw: (dice, ground) => ({ fault: { kind: 'kill', ...process(dice, ground) }, forMs: dice.int(100, 6_000) }),
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
      return { fault: { kind: 'link', from, to, trouble: dice.pick(TROUBLES) }, forMs: dice.int(500, 15_000) }
    },
  },
  cut: {
    weight: always(4),
    draw: (dice, ground) => {
      const [one, other] = pair(dice, ground)
      return { fault: { kind: 'cut', one, other, trouble: dice.pick(TROUBLES) }, forMs: dice.int(500, 20_000) }
    },
  },
  isolate: {
    weight: always(2),
    draw: (dice, ground) => ({
      fault: { kind: 'isolate', region: dice.pick(ground.regions).name, trouble: dice.pick(TROUBLES) },
      forMs: dice.int(500, 10_000),
    }),
  },
  'rolling-restart': {
    weight: always(0.5),
    draw: () => ({ fault: { kind: 'rolling-restart' }, forMs: 0 }),
  },
}

/** Draws one fault; kinds that the ground has no place for are not drawn. */
export function drawFault(dice: Dice, ground: Ground): Draw {
  const choices = Object.values(ENTRIES).map((entry) => ({ value: entry, weight: entry.weight(ground) }))
  return dice.weighted(choices).draw(dice, ground)
}

function process(dice: Dice, ground: Ground) {
  const { name, nodes, gateways } = dice.pick(ground.regions)
  const role = dice.pick(['gateway', 'nats'] as const)
  return { region: name, role, index: dice.int(0, (role === 'gateway' ? gateways : nodes) - 1) }
}

function pair(dice: Dice, ground: Ground): readonly [string, string] {
  const { name: one } = dice.pick(ground.regions)
  const { name: other } = dice.pick(ground.regions.filter(({ name }) => name !== one))
  return [one, other]
}
