import { isLabel, isTopic, quote, type TopicName } from './names.ts'
import { PARTITIONS_MAX } from './partition.ts'
import { fail, type Result, succeed } from './result.ts'

/** What a subject of a topic's stream says. */
export type ParsedSubject = {
  /** Owner of the topic. */
  readonly tenant: string
  /** The topic as it is written in subjects: "_" for ".". */
  readonly topicToken: string
  /** The region that stored the record first. */
  readonly origin: string
  /** Partition of an event; undefined for a control record. */
  readonly partition: number | undefined
  /** True when a marked attempt stored the event (it may have copies elsewhere), and for a marker. */
  readonly marked: boolean
  /** True for a control record, which is no event. */
  readonly control: boolean
}

const PREFIX = 'lb'
const CONTROL = 'c'
const MARKED = 'm'
const CONTROL_END = `.${CONTROL}`
const MARKER_END = `.${CONTROL}.${MARKED}`
const PARTITION_PATTERN = /^(?:0|[1-9][0-9]{0,2})$/

/** A topic's name as one subject token: labels hold no "_", so no two names meet. */
export function topicToken(topic: string): string {
  return topic.replaceAll('.', '_')
}

/** The name that `topicToken` made a token of. */
export function topicOfToken(token: string): string {
  return token.replaceAll('_', '.')
}

/** The stream that holds a topic in each region: "lb_acme_orders_created". */
export function streamName(name: TopicName): string {
  return `${PREFIX}_${name.tenant}_${topicToken(name.topic)}`
}

/** The subjects of that stream: everything of the topic. */
export function streamSubjects(name: TopicName): readonly string[] {
  return [`${root(name)}.>`]
}

/**
 * Where an event is stored: "lb.acme.orders_created.us-east.3"; with a last
 * token "m" when a marked attempt published it, because NATS filters by subject
 * only and the copy check must follow marked events without reading the others.
 */
export function eventSubject(name: TopicName, origin: string, partition: number, marked = false): string {
  const subject = `${root(name)}.${origin}.${partition}`
  return marked ? `${subject}.${MARKED}` : subject
}

/** Where control records of an origin are stored: "lb.acme.orders_created.us-east.c". */
export function controlSubject(name: TopicName, origin: string): string {
  return `${root(name)}.${origin}.${CONTROL}`
}

/**
 * Where the markers of a region are stored, beside its other control records: "lb.acme.orders_created.us-east.c.m".
 * Marked like events, because the copy check must know of both.
 */
export function markerSubject(name: TopicName, region: string): string {
  return `${controlSubject(name, region)}.${MARKED}`
}

/** All records of an origin, events and control records: for its position and its fence. */
export function originFilter(name: TopicName, origin: string): string {
  return `${root(name)}.${origin}.>`
}

/**
 * What readers of events ask for. Control records match too (NATS has no "not"):
 * skip those whose subject says `control`. One filter, because a server that is
 * asked for several from a time on (2.15) begins too late: it skips to the first
 * record that any filter has behind that time for the first time.
 */
export function eventFilters(name: TopicName): readonly string[] {
  return [`${root(name)}.>`]
}

/** Events that marked attempts stored, of every origin; and markers. */
export function markedFilter(name: TopicName): string {
  return `${root(name)}.*.*.${MARKED}`
}

/** Whether a subject of a topic's stream is one of control records, by its end: for readers of everything, where each event costs. */
export function isControlSubject(subject: string): boolean {
  return subject.endsWith(CONTROL_END) || subject.endsWith(MARKER_END)
}

/** Reads a subject of a topic's stream. */
export function parseSubject(subject: string): Result<ParsedSubject> {
  const tokens = subject.split('.', 7)
  const [prefix, tenant = '', token = '', origin = '', partition = '', mark] = tokens
  const control = partition === CONTROL
  const known =
    (tokens.length === 5 || (tokens.length === 6 && mark === MARKED)) &&
    prefix === PREFIX &&
    isLabel(tenant) &&
    isTopic(topicOfToken(token)) &&
    isLabel(origin) &&
    (control || (PARTITION_PATTERN.test(partition) && Number(partition) < PARTITIONS_MAX))
  if (!known) {
    return fail('invalid_argument', `subject: is ${quote(subject)}, wanted lb.<tenant>.<topic>.<origin>.<partition>`)
  }
  return succeed({
    tenant,
    topicToken: token,
    origin,
    partition: control ? undefined : Number(partition),
    marked: mark === MARKED,
    control,
  })
}

function root(name: TopicName): string {
  return `${PREFIX}.${name.tenant}.${topicToken(name.topic)}`
}
