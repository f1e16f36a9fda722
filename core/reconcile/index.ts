export { planTopic } from './plan-topic.ts'
export { MESSAGE_OVERHEAD_BYTES, type RegionDefaults, STREAM_METADATA, streamShapeOf } from './stream-shape.ts'
export * from './types.ts'
