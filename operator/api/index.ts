import { ACCESS_POLICY } from './access-policy.ts'
import type { ResourceDefinition } from './crd.ts'
import { REGION_PEER } from './region-peer.ts'
import { TOPIC } from './topic.ts'

export { ACCESS_POLICY, SHOWN_LENGTH_MAX } from './access-policy.ts'
export { crdOf, type ResourceDefinition } from './crd.ts'
export { REGION_PEER } from './region-peer.ts'
export { TOPIC } from './topic.ts'

/** Every kind of resource. A further one is one more folder and one more line. */
export const RESOURCES: readonly ResourceDefinition[] = [TOPIC, ACCESS_POLICY, REGION_PEER]
