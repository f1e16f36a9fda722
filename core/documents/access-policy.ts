import { isTopic } from '../names.ts'
import { compileCondition } from '../policy/index.ts'
import { readMasks } from './egress.ts'
import { Fields, type ReportProblem, show } from './fields.ts'
import type { Metadata } from './metadata.ts'
import type {
  AccessPolicyDocument,
  AccessPolicySpec,
  ClaimMatcher,
  Operation,
  PrincipalMatcher,
  Quota,
} from './types.ts'
import { formatBytes } from './units.ts'

const OPERATIONS: readonly Operation[] = ['publish', 'subscribe', 'admin']
const PRINCIPALS = { min: 1, max: 256 }
const TOPICS = { min: 1, max: 256 }
const TEXT_LENGTH_MAX = 512
const EVENTS_PER_SECOND = { min: 1, max: 10_000_000 }
const BYTES_PER_SECOND = { min: 1, max: 1024 ** 4 }
const TOPIC_PATTERN = /^[a-z0-9.*-]{1,128}$/

/** Reads an AccessPolicy's metadata and spec. */
export function readAccessPolicy(metadata: Metadata, spec: Fields): AccessPolicyDocument {
  const { name, namespace: tenant } = metadata
  if (name !== '' && !isTopic(name)) metadata.problem(`name is ${show(name)}, wanted a name like "orders-team"`)
  const document: AccessPolicyDocument = {
    kind: 'AccessPolicy',
    tenant,
    name,
    spec: {
      principals: spec.list('principals', PRINCIPALS, readPrincipal),
      topics: spec.texts('topics', TOPICS, isTopicPattern, 'the name of a topic, "*" for any characters in it'),
      operations: spec.list('operations', { min: 1, max: OPERATIONS.length }, readOperation),
      condition: readCondition(spec),
      masks: readMasks(spec),
      quotas: readQuotas(spec),
    },
  }
  spec.finish()
  checkTogether(document.spec, spec)
  return document
}

function readQuotas(spec: Fields): Quota {
  const fields = spec.fields('quotas')
  const quota = {
    eventsPerSecond: fields.integer('eventsPerSecond', EVENTS_PER_SECOND, undefined),
    bytesPerSecond: fields.bytes('bytesPerSecond', BYTES_PER_SECOND, formatBytes, undefined),
  }
  fields.finish()
  return quota
}

/** What would be without effect is refused: its author believes otherwise. */
function checkTogether({ operations, masks, quotas }: AccessPolicySpec, spec: Fields): void {
  if (masks.length > 0 && !operations.includes('subscribe')) {
    spec.problem('masks', 'are for subscribers, wanted the operation "subscribe"')
  }
  const limited = quotas.eventsPerSecond !== undefined || quotas.bytesPerSecond !== undefined
  if (limited && !operations.includes('publish') && !operations.includes('subscribe')) {
    spec.problem('quotas', 'are for events, wanted the operation "publish" or "subscribe"')
  }
}

/** True for a pattern that a topic's name can match. */
export function isTopicPattern(text: string): boolean {
  return TOPIC_PATTERN.test(text)
}

function readOperation(item: unknown, path: string, report: ReportProblem): Operation {
  const operation = OPERATIONS.find((candidate) => candidate === item)
  if (operation !== undefined) return operation
  report(path, `is ${show(item)}, wanted ${OPERATIONS.map(show).join(' or ')}`)
  return 'publish'
}

function readPrincipal(item: unknown, path: string, report: ReportProblem): PrincipalMatcher {
  const fields = new Fields(item, path, report)
  const subject = readPattern(fields, 'subject')
  const issuer = fields.text('issuer', TEXT_LENGTH_MAX, { absent: undefined })
  const group = fields.text('group', TEXT_LENGTH_MAX, { absent: undefined })
  const spiffe = readPattern(fields, 'spiffe')
  const claim = fields.value('claim') === undefined ? undefined : readClaim(fields.fields('claim'))
  if (spiffe !== undefined && !spiffe.startsWith('spiffe://')) {
    fields.problem('spiffe', `is ${show(spiffe)}, wanted "spiffe://..."`)
  }
  fields.finish()
  const matcher: PrincipalMatcher = {
    ...(subject === undefined ? {} : { subject }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(group === undefined ? {} : { group }),
    ...(spiffe === undefined ? {} : { spiffe }),
    ...(claim === undefined ? {} : { claim }),
  }
  // An empty matcher would be everybody or nobody, depending on who reads it.
  if (Object.keys(matcher).length === 0) report(path, 'names nobody, wanted subject, issuer, group, spiffe or claim')
  if (Object.values(matcher).includes('')) report(path, 'has an empty text, wanted at least one character')
  return matcher
}

/** A text in which only the last character may be "*": one in the middle would match more than its author meant. */
function readPattern(fields: Fields, name: string): string | undefined {
  const pattern = fields.text(name, TEXT_LENGTH_MAX, { absent: undefined })
  if (pattern?.slice(0, -1).includes('*'))
    fields.problem(name, `is ${show(pattern)}, wanted "*" as last character only`)
  return pattern
}

function readClaim(fields: Fields): ClaimMatcher {
  const name = fields.text('name', TEXT_LENGTH_MAX)
  const value = fields.value('value')
  fields.finish()
  if (typeof value === 'string' || typeof value === 'boolean') return { name, value }
  if (typeof value === 'number' && Number.isFinite(value)) return { name, value }
  fields.problem('value', `is ${show(value)}, wanted a text, a number, true or false`)
  return { name, value: '' }
}

function readCondition(spec: Fields): string | undefined {
  const condition = spec.value('condition')
  if (condition === undefined) return undefined
  if (typeof condition !== 'string') {
    spec.problem('condition', `is ${show(condition)}, wanted a CEL expression as text`)
    return undefined
  }
  const { error } = compileCondition(condition)
  if (error !== undefined) spec.problem('condition', error.message.replace(/^condition: /, ''))
  return condition
}

/** The spec as it is written in YAML. */
export function formatAccessPolicySpec(spec: AccessPolicySpec): Readonly<Record<string, unknown>> {
  const { principals, topics, operations, condition, masks, quotas } = spec
  return {
    ...{ principals, topics, operations },
    ...(condition === undefined ? {} : { condition }),
    ...(masks.length === 0 ? {} : { masks }),
    ...formatQuotas(quotas),
  }
}

function formatQuotas({ eventsPerSecond, bytesPerSecond }: Quota): Readonly<Record<string, unknown>> {
  if (eventsPerSecond === undefined && bytesPerSecond === undefined) return {}
  return {
    quotas: {
      ...(eventsPerSecond === undefined ? {} : { eventsPerSecond }),
      ...(bytesPerSecond === undefined ? {} : { bytesPerSecond: formatBytes(bytesPerSecond) }),
    },
  }
}
