import { AGE_COLUMN, READY_COLUMNS, type ResourceDefinition } from './crd.ts'
import { maskRules } from './mask-rules.ts'
import { fields, integer, list, oneOf, type Schema, text } from './schema.ts'
import { status } from './status.ts'
import { bytes } from './texts.ts'

const PATTERN = '^[a-z0-9.*-]{1,128}$'
/** Longest text that a status shows of a list, in characters. */
export const SHOWN_LENGTH_MAX = 256
const LAST_STAR = '^[^*]*[*]?$'

const principal = fields(
  'Who. At least one field is given, and all given fields must match.',
  {
    subject: text('The subject of a verified token; a last "*" matches any rest.', {
      lengthMax: 512,
      lengthMin: 1,
      pattern: LAST_STAR,
    }),
    issuer: text("The token's issuer, exactly.", { lengthMax: 512, lengthMin: 1 }),
    group: text("One of the token's groups, exactly.", { lengthMax: 512, lengthMin: 1 }),
    spiffe: text('The SPIFFE id of a client certificate; a last "*" matches any rest.', {
      lengthMax: 512,
      lengthMin: 1,
      pattern: '^spiffe://[^*]*[*]?$',
    }),
    claim: fields(
      'A claim of the token: equal to the value, or a list that holds it.',
      { name: text('Its name.', { lengthMax: 512, lengthMin: 1 }), value: text('Its value.', { lengthMax: 512 }) },
      { required: ['name', 'value'] },
    ),
  },
  {
    rules: [
      {
        rule: 'has(self.subject) || has(self.issuer) || has(self.group) || has(self.spiffe) || has(self.claim)',
        message: 'names nobody, wanted subject, issuer, group, spiffe or claim',
      },
    ],
  },
)

const spec: Schema = fields(
  'Who may do what. A call needs one policy whose principals, topics, operations and condition all match. Another policy never takes anything away: where several match, what any of them shows is shown.',
  {
    principals: list('Who: one of them must match.', principal, { itemsMin: 1, itemsMax: 256 }),
    topics: list(
      'Topics of the same namespace.',
      text('A name, "*" for any characters in it: "orders.*".', { lengthMax: 128, lengthMin: 1, pattern: PATTERN }),
      { itemsMin: 1, itemsMax: 256, kind: 'set' },
    ),
    operations: list('What they may do.', oneOf('An operation.', ['publish', 'subscribe', 'admin']), {
      itemsMin: 1,
      itemsMax: 3,
      kind: 'set',
    }),
    condition: text(
      'A CEL expression over principal (subject, issuer, groups, spiffe, claims), tenant, topic, operation and now; the policy counts only while it is true. It is about the call, not about an event; on open streams it is asked again every 10 s.',
      {
        lengthMax: 4096,
      },
    ),
    masks: maskRules(
      'Fields of JSON data that these principals do not see when they subscribe. Data that cannot be read (no JSON) is left out as a whole. A field is shown all the same when another policy that allows the subscription shows it.',
    ),
    quotas: fields(
      'How much one principal (subject and issuer, or certificate) may publish, and how much it may be delivered, each for itself, in each gateway process: with N gateways up to N times as much. A second of it may go at once. A publish call above it is answered with RESOURCE_EXHAUSTED and the time to wait; streams are slowed down.',
      {
        eventsPerSecond: integer('Events, on average.', { min: 1, max: 10_000_000 }),
        bytesPerSecond: bytes('Bytes of events, on average, 1 B to 1 TiB.'),
      },
    ),
  },
  {
    required: ['principals', 'topics', 'operations'],
    rules: [
      {
        rule: "!has(self.masks) || self.masks.size() == 0 || 'subscribe' in self.operations",
        message: 'masks are for subscribers, wanted the operation subscribe',
      },
      {
        rule: "!has(self.quotas) || 'publish' in self.operations || 'subscribe' in self.operations",
        message: 'quotas are for events, wanted the operation publish or subscribe',
      },
    ],
  },
)

const statusSchema = status({
  description: 'What is known of the policy.',
  conditions: {
    Ready: 'the gateways of the region follow it.',
    Synced: 'the configuration is as the spec says, and every gateway follows it.',
    Drifted: 'somebody changed the configuration behind the back of the resource.',
    Degraded: 'it works, but not as well as it should.',
  },
  own: {
    principals: integer('How many it names.', { min: 0, max: 256 }),
    operations: text('What is allowed, for people.', { lengthMax: 64 }),
    topics: text('On which topics, for people.', { lengthMax: SHOWN_LENGTH_MAX }),
  },
})

/** AccessPolicy: allows principals something on topics of one namespace. */
export const ACCESS_POLICY: ResourceDefinition = {
  type: {
    group: 'landbridge.dev',
    version: 'v1alpha1',
    plural: 'accesspolicies',
    kind: 'AccessPolicy',
    namespaced: true,
  },
  singular: 'accesspolicy',
  shortNames: ['acl'],
  description: 'Allows principals something on topics of its namespace. Everything that no policy allows is refused.',
  spec,
  status: statusSchema,
  rules: [],
  columns: [
    ...READY_COLUMNS,
    // Of the status: a column shows no more of a list than its JSON.
    { name: 'Operations', type: 'string', jsonPath: '.status.operations', description: 'What is allowed.' },
    { name: 'Topics', type: 'string', jsonPath: '.status.topics', description: 'On which topics.', priority: 1 },
    AGE_COLUMN,
  ],
}
