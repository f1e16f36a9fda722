import type { ClassificationRule, TopicDocument } from '../documents/index.ts'
import { MeshError } from '../errors.ts'
import { findStringAttribute } from '../event/find-attribute.ts'
import { formatTopicName, quote } from '../names.ts'
import { unwrap } from '../result.ts'
import { allows, EVERY } from './classification.ts'
import { eventMaskOf } from './event-mask.ts'
import { compileFilter } from './filter.ts'

/**
 * Why an event stays where it is: its classification; the filter said no; the filter or a mask could not be applied, so
 * nobody knows what would leave.
 */
export type HeldBy = 'classification' | 'filter' | 'unreadable'

/**
 * What may leave a region, and how. Every method takes an event as stored (it passed `scanEvent`) and depends on
 * nothing but the event and the topic's document, so that every gateway answers the same.
 *
 * 1. Filter and masks are for the origin's own gateways (`leave`): they are the same for every destination. A relay
 *    passes on what it holds, and obeys the classifications (`mayHold`) and `mayRelay`.
 * 2. What cannot be told is not sent.
 * 3. `id`, `source` and every other attribute of an event stay as they are.
 */
export type Egress = {
  /** True when everything may go everywhere as it is: then none of the methods has to be called. */
  readonly isPlain: boolean
  /** The bytes to send to `destination`, or why there are none. At the origin only. */
  leave(event: Uint8Array, destination: string): Uint8Array | HeldBy
  /** Whether `leave` would send anything but for a mask that cannot be applied. At the origin only. */
  passes(event: Uint8Array, destination: string): boolean
  /** The event with its masks applied; undefined when they cannot be. At the origin only. */
  masked(event: Uint8Array): Uint8Array | undefined
  /** Whether the classifications let `region` hold the event. */
  mayHold(event: Uint8Array, region: string): boolean
  /** Why `region` may not store the event for a publisher; undefined when it may. */
  refusal(event: Uint8Array, region: string): MeshError | undefined
  /** Whether the event may be handed to `region` as it was published, to be stored there as its origin. */
  mayForward(event: Uint8Array, region: string): boolean
}

const DATA_CLASSIFICATION = Buffer.from('dataclassification')

const known = new WeakMap<TopicDocument, Egress>()

/** What may leave a region of a topic. Made once a document. */
export function egressOf(topic: TopicDocument): Egress {
  let egress = known.get(topic)
  if (egress === undefined) {
    egress = makeEgress(topic)
    known.set(topic, egress)
  }
  return egress
}

/**
 * Whether `relay` may serve `receiver`: every event that the receiver may hold the relay may hold, too, so that a relay
 * never shows a gap where it was not allowed to look.
 */
export function mayRelay(topic: TopicDocument, relay: string, receiver: string): boolean {
  const { regions, egress } = topic.spec
  if (regions.length > 0 && !(regions.includes(relay) && regions.includes(receiver))) return false
  return egress.classifications.every((rule) => !allows(rule, receiver) || allows(rule, relay))
}

function makeEgress({ name, spec }: TopicDocument): Egress {
  const { filter: expression, masks, classifications } = spec.egress
  const key = formatTopicName(name)
  const filter = expression === undefined ? undefined : unwrap(compileFilter(expression))
  const rules = new Map(classifications.map((rule) => [rule.classification, rule]))
  const everyOther = rules.get(EVERY)
  const ruleOf = (classification: string | null) =>
    (classification === null ? undefined : rules.get(classification)) ?? everyOther
  const mask = eventMaskOf(masks, name.tenant)

  const mayHold = (event: Uint8Array, region: string): boolean => {
    if (rules.size === 0) return true
    const classification = findStringAttribute(event, DATA_CLASSIFICATION)
    if (classification === undefined) return true
    const rule = ruleOf(classification)
    return rule !== undefined && allows(rule, region)
  }
  const heldBy = (event: Uint8Array, destination: string): HeldBy | undefined => {
    if (!mayHold(event, destination)) return 'classification'
    const passed = filter === undefined || filter(event)
    return passed ? undefined : passed === undefined ? 'unreadable' : 'filter'
  }
  return Object.freeze({
    isPlain: filter === undefined && mask === undefined && rules.size === 0,
    leave: (event, destination) =>
      heldBy(event, destination) ?? (mask === undefined ? event : (mask(event) ?? 'unreadable')),
    passes: (event, destination) => heldBy(event, destination) === undefined,
    masked: (event) => (mask === undefined ? event : mask(event)),
    mayHold,
    refusal: (event, region) => {
      if (mayHold(event, region)) return undefined
      const classification = findStringAttribute(event, DATA_CLASSIFICATION) ?? null
      return refusal(key, region, classification, ruleOf(classification))
    },
    mayForward: (event, region) => mask === undefined && heldBy(event, region) === undefined,
  } satisfies Egress)
}

function refusal(
  topic: string,
  region: string,
  classification: string | null,
  rule: ClassificationRule | undefined,
): MeshError {
  const shown = classification === null ? 'is no text' : `is ${quote(classification)}`
  const why =
    rule === undefined
      ? `wanted one that ${topic} has a rule for`
      : `which ${topic} allows in ${rule.regions.join(', ')} only, and this is ${region}`
  return new MeshError('failed_precondition', `event: dataclassification ${shown}, ${why}`)
}
