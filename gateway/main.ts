import tls from 'node:tls'
import { runService } from '@landbridge/service'
import { configHelp, loadConfig } from './config.ts'
import { gatewayLog, startGateway } from './server.ts'

// Before anything connects or listens: gRPC both ways, NATS and the key set all speak TLS 1.3 or not at all.
tls.DEFAULT_MIN_VERSION = 'TLSv1.3'

process.exitCode = await runService(
  {
    program: 'gateway/main.ts',
    help: configHelp,
    load: loadConfig,
    log: gatewayLog,
    start: async (config, options) => {
      const gateway = await startGateway(config, options)
      gateway.metrics.collectProcess()
      return gateway
    },
  },
  process.argv.slice(2),
)
