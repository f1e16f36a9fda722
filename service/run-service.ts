import type { Log } from './log.ts'
import { ConfigError } from './variables.ts'

const EXIT = { ok: 0, failed: 1, usage: 2 } as const

/** How one kind of process starts. */
export type ServiceStart<Config> = {
  /** As people start it: "gateway/main.ts". */
  readonly program: string
  readonly help: () => string
  /** @throws ConfigError */
  readonly load: (env: Readonly<Record<string, string | undefined>>) => Config
  readonly log: (config: Config) => Log
  /** Starts it; `signal` ends the start early. */
  readonly start: (
    config: Config,
    options: { readonly log: Log; readonly signal: AbortSignal },
  ) => Promise<{ close(): Promise<void> }>
}

/**
 * Runs a process until SIGTERM or SIGINT, then closes it; a second signal ends it at once. Returns the exit status: 0
 * after a proper end, 1 when it could not start, 2 for wrong arguments or variables.
 */
export async function runService<Config>(service: ServiceStart<Config>, args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(service.help())
    return EXIT.ok
  }
  if (args.length > 0) {
    process.stderr.write(`read arguments: got ${args.join(' ')}, wanted none or --help\n`)
    return EXIT.usage
  }
  const stop = Promise.withResolvers<string>()
  const starting = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stop.resolve(signal)
      starting.abort()
      process.once(signal, () => process.exit(EXIT.failed))
    })
  }
  const config = readConfig(service)
  return config === undefined ? EXIT.usage : run(service, config, stop.promise, starting.signal)
}

async function run<Config>(
  service: ServiceStart<Config>,
  config: Config,
  stop: Promise<string>,
  signal: AbortSignal,
): Promise<number> {
  const log = service.log(config)
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'uncaught exception')
    process.exit(EXIT.failed)
  })
  try {
    const running = await service.start(config, { log, signal })
    log.info({ signal: await stop }, 'signal received')
    await running.close()
  } catch (err) {
    if (signal.aborted) return EXIT.ok
    log.fatal({ err }, 'start failed')
    return EXIT.failed
  }
  log.info({}, 'stopped')
  return EXIT.ok
}

function readConfig<Config>(service: ServiceStart<Config>): Config | undefined {
  try {
    return service.load(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\nnode ${service.program} --help lists every variable.\n`)
    return undefined
  }
}
