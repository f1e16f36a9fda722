export { MeshError, type MeshErrorCode } from '@landbridge/core'
export type {
  Admin,
  AdminOptions,
  ApplyOutcome,
  PeerStatus,
  Retirement,
  TopicInfo,
  TopicLag,
  TopicOptions,
  Topics,
} from './admin/index.ts'
export { PublishFailure, type PublishOutcome } from './errors.ts'
export { decodeEvent, type EventInput, type ExtensionValue, encodeEvent, type MeshEvent } from './event/index.ts'
export { connect, type Mesh } from './mesh.ts'
export type { ConnectOptions } from './options.ts'
export type { PublishStream, PublishStreamOptions, Receipt, Sent, StreamReceipt } from './publish/index.ts'
export type { CallOptions } from './scope.ts'
export type { Delivery, StartFrom, SubscribeOptions, Subscription } from './subscribe/index.ts'
export type { Pem, TlsOptions } from './transport/credentials.ts'
export type { EndpointInput } from './transport/endpoint.ts'
export type { TokenProvider } from './transport/token.ts'
