import tls from 'node:tls'
import { ConfigError, configHelp, loadConfig } from './config.ts'
import { type Gateway, startGateway } from './server.ts'
import { createLog } from './telemetry/index.ts'

// Before anything connects or listens: gRPC both ways, NATS and the key set all speak TLS 1.3 or not at all.
tls.DEFAULT_MIN_VERSION = 'TLSv1.3'

const EXIT = { ok: 0, failed: 1, usage: 2 } as const

process.exitCode = await main(process.argv.slice(2))

/** Runs a gateway until SIGTERM or SIGINT; a second signal ends it at once. */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(configHelp())
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
  return run(stop.promise, starting.signal)
}

async function run(stop: Promise<string>, signal: AbortSignal): Promise<number> {
  const config = readConfig()
  if (config === undefined) return EXIT.usage
  const log = createLog(config)
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'uncaught exception')
    process.exit(EXIT.failed)
  })
  let gateway: Gateway
  try {
    gateway = await startGateway(config, { log, signal })
  } catch (err) {
    if (signal.aborted) return EXIT.ok
    log.fatal({ err }, 'start failed')
    return EXIT.failed
  }
  gateway.metrics.collectProcess()
  log.info({ signal: await stop }, 'signal received')
  await gateway.close()
  log.info({}, 'stopped')
  return EXIT.ok
}

function readConfig() {
  try {
    return loadConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\nnode gateway/main.ts --help lists every variable.\n`)
    return undefined
  }
}
