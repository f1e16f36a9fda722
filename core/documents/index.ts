export { configKey, configKeyOfStream, documentData, documentName } from './document.ts'
export { type DocumentKey, parseDocumentKey } from './document-key.ts'
export { type OwnDocuments, ownDocuments } from './foreign.ts'
export {
  type DocumentLimits,
  formatDocument,
  fromData,
  fromStored,
  heldByOf,
  isStored,
  parseDocuments,
  toStored,
} from './parse.ts'
export { TOPIC_LIMITS } from './topic.ts'
export * from './types.ts'
export { formatBytes, formatDuration, parseBytes, parseDuration } from './units.ts'
