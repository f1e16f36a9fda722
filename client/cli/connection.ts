import { MeshError } from '@landbridge/core'
import type { Command } from 'commander'
import type { Mesh } from '../index.ts'
import { usageFailure } from './command-failure.ts'
import type { Context } from './context.ts'
import { Printer } from './printer.ts'
import { type GlobalOptions, readSettings, type Settings } from './settings.ts'

/** What a command that talks to the mesh works with. */
export type Connection = {
  readonly mesh: Mesh
  readonly settings: Settings
  readonly printer: Printer
}

/** How long a call may take when the user does not say, milliseconds: long enough to go to another region. */
export const CALL_MS = 10_000

/** How long it is tried to reach any gateway when the user does not say, milliseconds. */
export const REACH_MS = 2_000

/** `source` of events that are published without one. */
export const DEFAULT_SOURCE = 'landbridge-cli'

/** Connects by the settings, does the work, and closes. @throws what the work throws; CommandFailure 'usage'. */
export async function withMesh(
  command: Command,
  context: Context,
  work: (connection: Connection) => Promise<void>,
): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>()
  const settings = readSettings(options, context.env)
  const printer = new Printer(context, options)
  await using mesh = await connectMesh(settings)
  await work({ mesh, settings, printer })
}

/**
 * Whom to ask when every region shall answer: each region that was named once, and each address without a region.
 * `region` picks one. @throws CommandFailure 'usage' when no endpoint is of that region.
 */
export function targetsOf({ endpoints }: Pick<Settings, 'endpoints'>, region?: string): readonly string[] {
  const names = endpoints.map((endpoint) => endpoint.slice(0, endpoint.indexOf('=') + 1).slice(0, -1) || endpoint)
  const targets = [...new Set(names)]
  if (region === undefined) return targets
  if (targets.includes(region)) return [region]
  throw usageFailure(
    `region: is ${region}, wanted one of ${targets.join(', ')}`,
    'name the regions in LANDBRIDGE_ENDPOINTS or --endpoints: "region=host:port,..."',
  )
}

// Loaded when it is needed only: commands without a mesh, help and completion start faster.
async function connectMesh(settings: Settings): Promise<Mesh> {
  const { connect } = await import('../index.ts')
  const { endpoints, tls, token, timeoutMs } = settings
  try {
    const times = { timeoutMs: timeoutMs ?? CALL_MS, reachTimeoutMs: timeoutMs ?? REACH_MS }
    return connect({ endpoints, tls, token, ...times, source: DEFAULT_SOURCE })
  } catch (error) {
    // Nothing was dialled: it is the settings that are wrong.
    if (error instanceof MeshError) throw usageFailure(error.message)
    throw error
  }
}
