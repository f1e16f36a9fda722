export { type Config, ConfigError, configHelp, loadConfig } from './config.ts'
export { PEER_TOKEN_KEY, regionId, signPeerToken } from './replicate/index.ts'
export { type Gateway, type GatewayOptions, startGateway } from './server.ts'
export { type Log, Metrics, silentLog } from './telemetry/index.ts'
