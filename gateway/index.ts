export { type Config, ConfigError, configHelp, loadConfig } from './config.ts'
export { type Gateway, type GatewayOptions, startGateway } from './server.ts'
export { type Log, Metrics, silentLog } from './telemetry/index.ts'
