import { connect, type Mesh } from '@landbridge/client'
import {
  type AcknowledgedEvent,
  type AuditReport,
  auditStreams,
  type Lab,
  readStreams,
  startLab,
} from '@landbridge/lab'

export const topic = 'acme/orders'

/** One topic that every service may use. */
export const documents = (partitions: number) => `
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: orders }
spec: { partitions: ${partitions} }
---
apiVersion: landbridge.dev/v1alpha1
kind: AccessPolicy
metadata: { namespace: acme, name: services }
spec:
  principals: [{ subject: 'service-*' }]
  topics: ['*']
  operations: [publish, subscribe]
`

/** Two regions with one topic that every service may use. */
export function startMesh(): Promise<Lab> {
  return startLab({ regions: ['us-east', 'eu-west'], documents: documents(4) })
}

/** A service that knows every region, its home first. */
export function connectFrom(lab: Lab, home: string): Mesh {
  const regions = [home, ...lab.regions.map(({ name }) => name).filter((name) => name !== home)]
  return connect({
    endpoints: regions.flatMap((region) => lab.region(region).endpoints.map((address) => ({ address, region }))),
    tls: { ca: lab.caFile },
    token: () => lab.token({ subject: `service-${home}` }),
    source: `urn:service:${home}`,
  })
}

/** Publishes one event after the other until `signal` aborts; every call must succeed. */
export async function publishUntil(
  mesh: Mesh,
  home: string,
  signal: AbortSignal,
): Promise<readonly AcknowledgedEvent[]> {
  const acknowledged: AcknowledgedEvent[] = []
  for (let counter = 1; !signal.aborted; counter++) {
    const id = `${home}-${counter}`
    await mesh.publish(topic, {
      id,
      type: 'order.created',
      partitionKey: 'one',
      extensions: { sequence: `${counter}` },
      data: 'x',
    })
    acknowledged.push({ topic, identity: `urn:service:${home} ${id}` })
  }
  return acknowledged
}

/** What every region's stream holds, compared with what was acknowledged. */
export async function auditMesh(lab: Lab, acknowledged: readonly AcknowledgedEvent[]): Promise<AuditReport> {
  const contents = await Promise.all(lab.regions.map((region) => readStreams(region, [topic])))
  return auditStreams(contents.flat(), acknowledged)
}
