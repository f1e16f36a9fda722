import { AGE_COLUMN, READY_COLUMNS, type ResourceDefinition } from './crd.ts'
import { fields, integer, list, type Schema, text, time } from './schema.ts'
import { status } from './status.ts'

const HOST = '[A-Za-z0-9_-]{1,63}([.][A-Za-z0-9_-]{1,63})*[.]?'
const ENDPOINT = `^(${HOST}|\\[[0-9A-Fa-f:.]{2,45}\\]):[1-9][0-9]{0,4}$`

const TOPIC_PATTERN = text('"<tenant>/<topic>", "*" for any characters within a part.', {
  lengthMax: 192,
  lengthMin: 3,
  pattern: '^[a-z0-9*-]{1,63}/[a-z0-9.*-]{1,128}$',
})

const trust = fields(
  'How its gateways prove that they are its own: in the TLS handshake, whoever dialled. Changes count at once, also for links that stand.',
  {
    ca: text(
      "CA certificates, PEM; the peer's certificate must chain to one of them. They count for this peer, and for nobody else. Absent: the CA of this region's gateways.",
      {
        lengthMax: 65_536,
        lengthMin: 1,
        rules: [
          {
            rule: "self.contains('-----BEGIN CERTIFICATE-----') && !self.contains('PRIVATE KEY')",
            message: 'ca has no certificate, or a private key, wanted CA certificates as PEM',
          },
        ],
      },
    ),
    spiffe: text(
      'The SPIFFE id that its certificate names. Absent: "spiffe://<mesh>/region/<name of this resource>".',
      { lengthMax: 512, lengthMin: 1, pattern: '^spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+$' },
    ),
    jwks: text(
      "A JWK Set (JSON) of public keys: the peer's certificate, whose key also signs its tokens, must be for one of them. Absent: any key of a certificate that is trusted.",
      { lengthMax: 16_384, lengthMin: 1 },
    ),
  },
)

const spec: Schema = fields(
  'How to reach another region, and what it may have.',
  {
    endpoints: list('Its gateways.', text('"host:port"', { lengthMax: 261, lengthMin: 3, pattern: ENDPOINT }), {
      itemsMin: 1,
      itemsMax: 32,
      kind: 'set',
    }),
    serverName: text("Name to ask for in the TLS handshake. Absent: the endpoint's host.", {
      lengthMax: 253,
      lengthMin: 1,
      pattern: `^${HOST}$`,
    }),
    cost: integer('Preference among routes, lowest first.', { min: 0, max: 65_535, default: 100 }),
    topics: list('Which topics are exchanged with it, in both directions.', TOPIC_PATTERN, {
      itemsMax: 256,
      kind: 'set',
      default: ['*/*'],
    }),
    exports: list(
      'Of these, what it may have from this region, events of other regions that this one relays included. Absent: all of them. Empty: none.',
      TOPIC_PATTERN,
      { itemsMax: 256, kind: 'set' },
    ),
    imports: list('Of these, what this region takes from it. Absent: all of them. Empty: none.', TOPIC_PATTERN, {
      itemsMax: 256,
      kind: 'set',
    }),
    trust,
  },
  { required: ['endpoints'] },
)

const statusSchema = status({
  description: 'What is known of the region.',
  conditions: {
    Ready: 'the gateways follow the spec.',
    Synced: 'the configuration is as the spec says, and every gateway follows it.',
    Drifted: 'somebody changed the configuration behind the back of the resource.',
    Degraded: 'the link is down, or some of its pulls stand still.',
  },
  own: {
    link: text('State of the link: Connected, Connecting or Disconnected.', { lengthMax: 32 }),
    lastContact: time('When something last came over the link. Only while it is down.'),
    lag: text('How far this region is behind it, for people.', { lengthMax: 64 }),
  },
})

/** RegionPeer: another region of the mesh. */
export const REGION_PEER: ResourceDefinition = {
  type: { group: 'landbridge.dev', version: 'v1alpha1', plural: 'regionpeers', kind: 'RegionPeer', namespaced: true },
  singular: 'regionpeer',
  shortNames: ['peer', 'peers'],
  description:
    'Another region of the mesh, named by metadata.name. Lives in the namespace of the release; its certificate must name the region.',
  spec,
  status: statusSchema,
  rules: [
    {
      rule: "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",
      message: 'name is no name of a region, wanted a-z, 0-9 and "-", at most 63 characters',
    },
  ],
  columns: [
    ...READY_COLUMNS,
    { name: 'Link', type: 'string', jsonPath: '.status.link', description: 'State of the link.' },
    { name: 'Lag', type: 'string', jsonPath: '.status.lag', description: 'How far this region is behind it.' },
    {
      name: 'Last contact',
      type: 'date',
      jsonPath: '.status.lastContact',
      description: 'When something last came.',
      priority: 1,
    },
    { name: 'Cost', type: 'integer', jsonPath: '.spec.cost', description: 'Preference among routes.', priority: 1 },
    AGE_COLUMN,
  ],
}
