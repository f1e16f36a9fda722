export {
  Admin,
  type AdminOptions,
  type ApplyOutcome,
  type PeerStatus,
  type Retirement,
  type TopicLag,
} from './admin.ts'
export { type TopicInfo, type TopicOptions, Topics } from './topics.ts'
