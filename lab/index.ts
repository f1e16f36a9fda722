export { ensureTool } from '../scripts/tool.mjs'
export { type ApplyAccess, applyDocuments } from './apply.ts'
export * from './audit.ts'
export { clockOffset } from './clock/clock-offset.ts'
export { ControlServer } from './control/control-server.ts'
export type { LabStatus, ProcessStatus } from './control/status.ts'
export { Link, type LinkConnection, type LinkMode } from './faults/link.ts'
export { describeTrouble, type LinkTrouble } from './faults/link-trouble.ts'
export type { LinkStatus } from './faults/links.ts'
export { copyStore, putBackStore, truncateStore } from './faults/stores.ts'
export { ADMIN_GROUP, type Lab } from './lab.ts'
export {
  DEFAULT_REGIONS,
  type GatewayEnvironment,
  type LabOptions,
  type NodeCount,
  type Preparation,
} from './options.ts'
export { identify, type ProcessIdentity, signalProcess } from './process/identity.ts'
export type { ProcessExit, ProcessState } from './process/managed-process.ts'
export { PortReservation } from './process/ports.ts'
export { Reaper } from './process/reaper.ts'
export { readStreams, visitStream } from './read-streams.ts'
export type { LabRegion, Role, Target, TargetOptions } from './region/region.ts'
export { startLab } from './start-lab.ts'
export { CertificateAuthority, type CertificateFiles, type CertificateRequest } from './trust/certificate-authority.ts'
export { Certificates, type IssueOptions } from './trust/certificates.ts'
export { TokenIssuer, type TokenRequest } from './trust/token-issuer.ts'
