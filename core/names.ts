import { fail, type Result, succeed } from './result.ts'

/** A topic of the mesh. Both parts are valid names; build one with `parseTopicName` only. */
export type TopicName = {
  /** Owner of the topic: a DNS label. */
  readonly tenant: string
  /** Name within the tenant: DNS labels separated by dots, such as "orders.created". */
  readonly topic: string
}

/** Longest topic name within a tenant, in characters. */
export const TOPIC_LENGTH_MAX = 120

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const LABEL_PATTERN = new RegExp(`^${LABEL}$`)
const DOTTED_PATTERN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)
const LABEL_WANTED = '1 to 63 lower-case letters, digits and inner hyphens'

/** True for a DNS label (RFC 1123): 1 to 63 lower-case letters, digits and inner hyphens. */
export function isLabel(text: string): boolean {
  return LABEL_PATTERN.test(text)
}

/** True for the name of a topic within its tenant: DNS labels separated by dots, at most 120 characters. */
export function isTopic(text: string): boolean {
  return text.length <= TOPIC_LENGTH_MAX && DOTTED_PATTERN.test(text)
}

/** Reads "<tenant>/<topic>"; `invalid_argument` says what is wrong with other text. */
export function parseTopicName(text: string): Result<TopicName> {
  const slash = text.indexOf('/')
  if (slash < 0) return fail('invalid_argument', `topic: is ${quote(text)}, wanted "<tenant>/<topic>"`)
  const tenant = text.slice(0, slash)
  const topic = text.slice(slash + 1)
  if (!isLabel(tenant)) return fail('invalid_argument', `topic: tenant is ${quote(tenant)}, wanted ${LABEL_WANTED}`)
  if (!isTopic(topic)) {
    return fail(
      'invalid_argument',
      `topic: name is ${quote(topic)}, wanted at most ${TOPIC_LENGTH_MAX} characters: dot-separated labels of ${LABEL_WANTED}`,
    )
  }
  return succeed({ tenant, topic })
}

/** "<tenant>/<topic>": the text form and the key of maps. */
export function formatTopicName(name: TopicName): string {
  return `${name.tenant}/${name.topic}`
}

/** Reads the name of a region: a DNS label. */
export function parseRegionName(text: string): Result<string> {
  if (isLabel(text)) return succeed(text)
  return fail('invalid_argument', `region: is ${quote(text)}, wanted ${LABEL_WANTED}`)
}

/** Remote text in an error message: quoted, escaped, cut after 80 characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text)
}
