import { AGE_COLUMN, READY_COLUMNS, type ResourceDefinition } from './crd.ts'
import { conditions, fields, integer, list, type Schema, text, time } from './schema.ts'

const HOST = '[A-Za-z0-9_-]{1,63}([.][A-Za-z0-9_-]{1,63})*[.]?'
const ENDPOINT = `^(${HOST}|\\[[0-9A-Fa-f:.]{2,45}\\]):[1-9][0-9]{0,4}$`

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
    topics: list(
      'Which topics are exchanged with it.',
      text('"<tenant>/<topic>", "*" for any characters within a part.', {
        lengthMax: 192,
        lengthMin: 3,
        pattern: '^[a-z0-9*-]{1,63}/[a-z0-9.*-]{1,128}$',
      }),
      { itemsMax: 256, kind: 'set', default: ['*/*'] },
    ),
  },
  { required: ['endpoints'] },
)

const status: Schema = fields('What is known of the region.', {
  observedGeneration: integer('The generation of the spec that was looked at last.', {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  conditions: conditions({
    Ready: 'the gateways follow the spec, and the link stands.',
    Synced: 'the configuration is as the spec says, and every gateway follows it.',
    Drifted: 'somebody changed the configuration behind the back of the resource.',
    Paused: 'reconciliation is paused by an annotation.',
    Degraded: 'the link is down or some of its pulls stand still.',
    Reconciling: 'the spec is being carried out.',
    Stalled: 'it cannot go on before somebody acts.',
  }),
  link: text('State of the link: Connected, Connecting or Disconnected.', { lengthMax: 32 }),
  lastContact: time('When something last came over the link; updated at most once a minute while it stands.'),
  lag: text('How far this region is behind it, for people.', { lengthMax: 64 }),
  revision: integer('The revision of the configuration that holds the spec.', { min: 0, max: Number.MAX_SAFE_INTEGER }),
  gateways: text('Gateways that run this configuration, of all: "2/2".', { lengthMax: 32 }),
})

/** RegionPeer: another region of the mesh. */
export const REGION_PEER: ResourceDefinition = {
  type: { group: 'landbridge.dev', version: 'v1alpha1', plural: 'regionpeers', kind: 'RegionPeer', namespaced: true },
  singular: 'regionpeer',
  shortNames: ['peer', 'peers'],
  description:
    'Another region of the mesh, named by metadata.name. Lives in the namespace of the release; its certificate must name the region.',
  spec,
  status,
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
