import { runService } from '@landbridge/service'
import { configHelp, loadConfig } from './config.ts'
import { operatorLog, startOperator } from './operator.ts'

process.exitCode = await runService(
  {
    program: 'operator/main.ts',
    help: configHelp,
    load: loadConfig,
    log: operatorLog,
    start: async (config, options) => {
      const operator = await startOperator(config, options)
      operator.metrics.collectProcess()
      return operator
    },
  },
  process.argv.slice(2),
)
