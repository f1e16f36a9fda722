import { AGE_COLUMN, READY_COLUMNS, type ResourceDefinition } from './crd.ts'
import { maskRules } from './mask-rules.ts'
import { fields, integer, list, oneOf, type Rule, type Schema, text, time } from './schema.ts'
import { status } from './status.ts'
import { bytes, duration, regions } from './texts.ts'

const CLASSIFICATION = '^([*]|[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)$'
const REGION_OR_ALL = '^([*]|[a-z0-9]([a-z0-9-]*[a-z0-9])?)$'

const retention = fields(
  'When old events leave. Every limit that is given counts; none means that events stay for ever.',
  {
    age: duration('Oldest event, 1 minute to 10 years.'),
    bytes: bytes('Most stored bytes, 1 MiB to 1 PiB.'),
    events: integer('Most stored events.', { min: 1, max: 1_000_000_000_000 }),
  },
)

const masks = maskRules(
  'Fields of JSON data that do not leave their region as they are. An event whose data cannot be read is not replicated at all.',
)

const classifications = list(
  'Where events of a data classification (the attribute "dataclassification") may be. Elsewhere they are neither accepted nor replicated.',
  fields(
    'One classification.',
    {
      classification: text('The value of the attribute; "*" for every other one.', {
        lengthMax: 63,
        lengthMin: 1,
        pattern: CLASSIFICATION,
      }),
      regions: list(
        'The regions that may hold such events.',
        text('The name of a region, or "*" for all.', { lengthMax: 63, lengthMin: 1, pattern: REGION_OR_ALL }),
        { itemsMin: 1, itemsMax: 32, kind: 'set' },
      ),
    },
    { required: ['classification', 'regions'] },
  ),
  { itemsMax: 64, kind: 'map', keys: ['classification'] },
)

const replication = fields(
  'Which events go to which regions.',
  {
    regions: regions('The regions that hold the topic. Empty: all.'),
    filter: text('A CEL expression over "event" and "data": only events for which it is true are replicated.', {
      lengthMax: 4096,
    }),
    masks,
    classifications,
  },
  {
    rules: [
      {
        rule: "!has(self.classifications) || !has(self.regions) || self.regions.size() == 0 || self.classifications.all(c, c.regions.all(r, r == '*' || r in self.regions))",
        message: 'classifications names a region that is not in regions, wanted regions that hold the topic',
      },
    ],
  },
)

const WAITS = "self.durability == 'quorum' && self.quorumFallback == 'wait' && has(self.replication)"
const WANTED = 'wanted durability local, or quorumFallback degrade'

/** An event that may not leave its region as it is would wait for another one until its deadline. */
const QUORUM_RULES: readonly Rule[] = [
  {
    rule: `!(${WAITS} && has(self.replication.filter))`,
    message: `durability is quorum and replication.filter keeps events in their region, ${WANTED}`,
  },
  {
    rule: `!(${WAITS} && has(self.replication.masks) && self.replication.masks.size() > 0)`,
    message: `durability is quorum and replication.masks leave no other region with the events as they are, ${WANTED}`,
  },
  {
    rule: `!(${WAITS} && has(self.replication.classifications) && self.replication.classifications.exists(c, c.regions.size() == 1 && c.regions[0] != '*'))`,
    message: `durability is quorum and only one region may hold a classification, ${WANTED}`,
  },
]

const spec: Schema = fields(
  'What the topic is to be like.',
  {
    partitions: integer(
      'Number of partitions; events of one key share one. It is part of the subject under which an event is stored. May grow, never shrink: a key that moves keeps its order, because all partitions lie in one stream, which readers and groups get in its order.',
      {
        min: 1,
        max: 256,
        default: 1,
        rules: [
          {
            rule: 'self >= oldSelf',
            message: 'partitions cannot shrink: who reads one by its subject would wait in vain',
          },
        ],
      },
    ),
    ordering: oneOf(
      'What gives an event its partition. key: its partitionkey, so that events of one key share one. none: its source and id, so that a busy key is spread over all. The order of the stream, in which subscribers get events, is the same with both.',
      ['key', 'none'],
      { default: 'key' },
    ),
    retention,
    storage: oneOf('Where the stream keeps its events. Fixed when the topic is made.', ['file', 'memory'], {
      default: 'file',
      rules: [{ rule: 'self == oldSelf', message: 'storage cannot change: make another topic' }],
    }),
    replicas: integer('Copies of the stream in the region: 1, 3 or 5. Absent: what the region prefers.', {
      min: 1,
      max: 5,
      rules: [{ rule: 'self % 2 == 1', message: 'replicas is even, wanted 1, 3 or 5' }],
    }),
    maxEventBytes: bytes('Largest event as published, 1 KiB to 8 MiB.', '1MiB'),
    duplicateWindow: duration('How long the server remembers event ids, 30 s to 24 h, at most retention.age.', '2m'),
    durability: oneOf(
      'What an acknowledgement means. local: the region has the event. quorum: another region has it, too, so that losing a region for good loses nothing.',
      ['local', 'quorum'],
      { default: 'local' },
    ),
    quorumFallback: oneOf(
      'With durability quorum, while no other region can take an event. wait: until the deadline, then an error. degrade: acknowledge, and say so in the receipt.',
      ['wait', 'degrade'],
      { default: 'wait' },
    ),
    failover: oneOf(
      'What a gateway does with an event that its own region cannot store. forward: hands it to another region. none: refuses it.',
      ['forward', 'none'],
      { default: 'forward' },
    ),
    replication,
    owner: text('Who to ask.', { lengthMax: 256, default: '' }),
    description: text('What it is for.', { lengthMax: 1024, default: '' }),
    sla: fields('What subscribers may expect, for people and the catalogue.', {
      latency: duration('From publish to delivery within a region.'),
      availability: text('Such as "99.95%".', { lengthMax: 32 }),
    }),
    deprecation: fields(
      'The topic is to go away.',
      {
        sunset: time('From when on it may be gone.'),
        replacement: text('The topic to use in its place.', { lengthMax: 192 }),
        message: text('For its users.', { lengthMax: 1024 }),
      },
      { required: ['message'] },
    ),
    deletionPolicy: oneOf(
      'What becomes of the stored events when the resource is deleted. Retain: the stream stays, and a new resource of the same name takes it over. Delete: they go.',
      ['Retain', 'Delete'],
      { default: 'Retain' },
    ),
  },
  {
    rules: [
      {
        rule: "self.durability != 'quorum' || !has(self.replication) || !has(self.replication.regions) || self.replication.regions.size() != 1",
        message: 'durability is quorum and replication.regions names one region, wanted two or more',
      },
      ...QUORUM_RULES,
      {
        // Absent is what the region prefers, which nobody can see here: it counts as a number of its own.
        rule: 'has(self.replicas) == has(oldSelf.replicas) && (!has(self.replicas) || self.replicas == oldSelf.replicas)',
        message: 'replicas cannot change yet: make another topic',
      },
      {
        rule: 'self.duplicateWindow == oldSelf.duplicateWindow',
        message: 'duplicateWindow cannot change yet: retries that are under way count on the old one',
      },
    ],
  },
)

const statusSchema = status({
  description: 'What is known of the topic.',
  conditions: {
    Ready: 'the region takes and delivers events of the topic as the spec says.',
    Synced: 'stream and configuration are as the spec says, and every gateway follows it.',
    Drifted: 'somebody changed the stream or the configuration behind the back of the resource.',
    Degraded: 'it works, but not as well as it should.',
  },
  own: {
    topic: text('The full name, "<tenant>/<topic>".', { lengthMax: 192 }),
    stream: text('The stream that holds it.', { lengthMax: 256 }),
    regions: text('Where it is, for people.', { lengthMax: 2048 }),
    lag: text('How far the region is behind other regions, for people.', { lengthMax: 64 }),
  },
})

/** Topic: a stream in this region, and the configuration of its gateways. */
export const TOPIC: ResourceDefinition = {
  type: { group: 'landbridge.dev', version: 'v1alpha1', plural: 'topics', kind: 'Topic', namespaced: true },
  singular: 'topic',
  shortNames: ['tp'],
  description:
    'A named, durable, partitioned log of events. Its namespace is its tenant. Apply the same resource in every region that is to hold it.',
  spec,
  status: statusSchema,
  rules: [
    {
      rule: "self.metadata.name.size() <= 128 && self.metadata.name.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$')",
      message: 'name is not usable, wanted labels of a-z, 0-9 and "-" joined by dots, at most 128 characters',
    },
  ],
  columns: [
    ...READY_COLUMNS,
    { name: 'Regions', type: 'string', jsonPath: '.status.regions', description: 'Where it is.' },
    { name: 'Lag', type: 'string', jsonPath: '.status.lag', description: 'How far the region is behind the others.' },
    {
      name: 'Partitions',
      type: 'integer',
      jsonPath: '.spec.partitions',
      description: 'Number of partitions.',
      priority: 1,
    },
    {
      name: 'Gateways',
      type: 'string',
      jsonPath: '.status.gateways',
      description: 'Gateways that follow.',
      priority: 1,
    },
    { name: 'Owner', type: 'string', jsonPath: '.spec.owner', description: 'Who to ask.', priority: 1 },
    AGE_COLUMN,
  ],
}
