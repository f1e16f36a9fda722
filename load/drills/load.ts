import { join } from 'node:path'
import { formatTopicName } from '@landbridge/core'
import type { Lab } from '@landbridge/lab'
import { DRILL_TOPIC } from './drills.ts'
import type { DrillOptions } from './options.ts'
import type { PhaseEnd, PublishSettings } from './settings.ts'

/** The drill's topic, "<tenant>/<topic>". */
export const TOPIC = formatTopicName(DRILL_TOPIC)
/** Clients over all regions. */
export const CLIENTS = 45
/** Every client connects in this time; nothing of it is judged. */
export const WARM_UP_SECONDS = 4

const SERVICE = 'drill'
const PROTO_FOLDER = join(import.meta.dirname, '../../proto')

/** The load generator, the servers and the gateways share a machine: wide enough for two busy cores, narrow enough to show a fault. */
function thresholds(perSecond: number): PublishSettings['thresholds'] {
  return {
    'publish_ms{phase:baseline}': ['p(95)<500', 'max<2000'],
    'publish_ms{phase:fault}': ['p(95)<3000'],
    'publish_ms{phase:recovery}': ['p(95)<1000'],
    unacknowledged: ['count==0'],
    // k6 had no client free when the event was due: up to a second's worth in all.
    dropped_iterations: [`count<${perSecond}`],
  }
}

/** The drill's topic, and who may publish to it, as YAML. */
export function drillDocuments(durability: DrillOptions['durability']): string {
  const { tenant, topic } = DRILL_TOPIC
  const documents = [
    { kind: 'Topic', metadata: { namespace: tenant, name: topic }, spec: { partitions: 8, durability } },
    {
      kind: 'AccessPolicy',
      metadata: { namespace: tenant, name: SERVICE },
      spec: { principals: [{ subject: SERVICE }], topics: ['*'], operations: ['publish'] },
    },
  ]
  // JSON is YAML.
  const texts = documents.map((document) => JSON.stringify({ apiVersion: 'landbridge.dev/v1alpha1', ...document }))
  return texts.join('\n---\n')
}

/** What k6 is told. */
export async function publishSettings(lab: Lab, options: DrillOptions): Promise<PublishSettings> {
  const { cert, key } = await lab.certificates.client(DRILL_TOPIC.tenant, SERVICE)
  const { baseline, fault, recovery } = options.seconds
  const lengths = [
    ['warm-up', WARM_UP_SECONDS],
    ['baseline', baseline],
    ['fault', fault],
    ['recovery', recovery],
  ] as const
  const phases: PhaseEnd[] = []
  for (const [phase, seconds] of lengths) {
    phases.push({ phase, endSeconds: (phases.at(-1)?.endSeconds ?? 0) + seconds })
  }
  return {
    topic: TOPIC,
    endpoints: lab.regions.flatMap(({ name, endpoints }) => endpoints.map((address) => ({ region: name, address }))),
    token: await lab.token({ subject: SERVICE }),
    caFile: lab.caFile,
    certFile: cert,
    keyFile: key,
    protoFolder: PROTO_FOLDER,
    perSecond: options.perSecond,
    clients: CLIENTS,
    phases,
    plantLoss: options.plantLoss,
    thresholds: thresholds(options.perSecond),
    summaryFile: join(lab.stateDir, 'k6-summary.json'),
  }
}
