export { decodeEvent } from './decode.ts'
export { encodeEvent, encodeEvents } from './encode.ts'
export type { EventInput, ExtensionValue, MeshEvent } from './types.ts'
