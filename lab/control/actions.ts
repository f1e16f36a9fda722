import type { LinkMode } from '../faults/link.ts'
import type { LinkTrouble } from '../faults/link-trouble.ts'
import type { Lab } from '../lab.ts'
import type { Target } from '../region/region.ts'
import { ControlError, type Fields } from './fields.ts'

const TARGETS = ['gateway', 'nats', 'all'] as const satisfies readonly Target[]
const SIGNALS = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGABRT'] as const satisfies readonly NodeJS.Signals[]
const CUTS = ['refused', 'blackhole', 'stalled'] as const satisfies readonly Exclude<LinkMode, 'open'>[]
const PROCESS_ACTIONS = ['kill', 'pause', 'resume', 'start', 'restart'] as const
const LINK_ACTIONS = ['cut', 'heal', 'trouble'] as const
const TROUBLES = ['delay', 'slow', 'half-open', 'loss'] as const
const ACTIONS = [...PROCESS_ACTIONS, ...LINK_ACTIONS, 'isolate', 'heal-all'] as const

/**
 * Carries out one fault, and resolves when it is in effect.
 * @throws {ControlError} when the request does not make sense; nothing has changed then
 */
export async function carryOut(lab: Lab, fields: Fields): Promise<void> {
  const action = fields.oneOf('action', ACTIONS)
  switch (action) {
    case 'cut':
    case 'heal':
    case 'trouble':
      return changeLink(lab, action, fields)
    case 'isolate': {
      const region = regionName(lab, fields.text('region'))
      const mode = fields.optionalOneOf('mode', CUTS)
      fields.finish()
      return lab.isolate(region, mode)
    }
    case 'heal-all':
      fields.finish()
      return lab.healAll()
    default:
      return changeProcesses(lab, action, fields)
  }
}

async function changeProcesses(lab: Lab, action: (typeof PROCESS_ACTIONS)[number], fields: Fields): Promise<void> {
  const region = lab.region(regionName(lab, fields.text('region')))
  const target = fields.oneOf('target', TARGETS)
  const index = fields.optionalIndex('index', region.processes(target).length)
  const signal = action === 'kill' || action === 'restart' ? fields.optionalOneOf('signal', SIGNALS) : undefined
  fields.finish()
  const options = { ...(index === undefined ? {} : { index }), ...(signal === undefined ? {} : { signal }) }
  await region[action](target, options)
}

async function changeLink(lab: Lab, action: (typeof LINK_ACTIONS)[number], fields: Fields): Promise<void> {
  const from = regionName(lab, fields.text('from'))
  const to = regionName(lab, fields.text('to'))
  const both = fields.optionalFlag('both') ?? false
  const mode = action === 'cut' ? (fields.optionalOneOf('mode', CUTS) ?? 'refused') : undefined
  const trouble = action === 'trouble' ? troubleOf(fields) : undefined
  fields.finish()
  const pairs = both
    ? ([
        [from, to],
        [to, from],
      ] as const)
    : ([[from, to]] as const)
  for (const [one, other] of pairs) assertLink(lab, one, other)
  if (trouble !== undefined && trouble.kind !== 'loss' && !lab.links.hasToxics) {
    throw new ControlError(`"${trouble.kind}" needs what the lab was not prepared with, wanted it started with toxics`)
  }
  await Promise.all(
    pairs.map(([one, other]) => {
      if (mode !== undefined) return lab.cut(one, other, mode)
      return trouble === undefined ? lab.heal(one, other) : lab.trouble(one, other, trouble)
    }),
  )
}

function troubleOf(fields: Fields): LinkTrouble {
  const kind = fields.oneOf('kind', TROUBLES)
  const number = (name: string) => {
    const value = fields.optionalNumber(name) ?? 0
    if (value < 0) throw new ControlError(`"${name}" is ${value}, wanted 0 or more`)
    return value
  }
  switch (kind) {
    case 'delay':
      return { kind, delayMs: number('delayMs'), jitterMs: number('jitterMs') }
    case 'slow':
      return { kind, bytesPerSecond: number('bytesPerSecond') }
    case 'half-open':
      return { kind, lost: fields.oneOf('lost', ['there', 'back']) }
    case 'loss':
      return { kind, ratio: number('ratio') }
  }
}

function assertLink(lab: Lab, from: string, to: string): void {
  if (lab.links.status().some((link) => link.from === from && link.to === to)) return
  throw new ControlError(`there is no link from "${from}" to "${to}", wanted two different regions with gateways`)
}

function regionName(lab: Lab, name: string): string {
  if (lab.regions.some((region) => region.name === name)) return name
  throw new ControlError(
    `there is no region "${name}", wanted one of ${lab.regions.map((region) => region.name).join(', ')}`,
  )
}
