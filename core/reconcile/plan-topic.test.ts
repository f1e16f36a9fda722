import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { fromData, type TopicDocument } from '../documents/index.ts'
import { unwrap } from '../result.ts'
import { planTopic, type StreamShape, streamShapeOf } from './index.ts'

const FOLDER = join(import.meta.dirname, 'testdata')
const REGION = { replicasDefault: 1 }

type Case = {
  readonly document: Readonly<Record<string, unknown>>
  /** Spec of the document that made the stream; absent when there is none. */
  readonly observedSpec?: Readonly<Record<string, unknown>>
  /** Fields that somebody changed since; metadata is merged, null removes a key. */
  readonly observed?: Partial<StreamShape>
}

describe('plan of a topic', () => {
  const names = readdirSync(FOLDER)
    .filter((file) => file.endsWith('.in.yaml'))
    .map((file) => file.replace('.in.yaml', ''))

  it.each(names)('%s', async (name) => {
    const { document, observedSpec, observed }: Case = parse(readFileSync(join(FOLDER, `${name}.in.yaml`), 'utf8'))
    const desired = streamShapeOf(topicOf(document), REGION)
    const plan = planTopic(desired, observedSpec && observe(topicOf({ ...document, spec: observedSpec }), observed))
    await expect(stringify(plan)).toMatchFileSnapshot(join(FOLDER, `${name}.out.yaml`))
  })

  it('is done after it was applied once, and never shrinks what it refuses', () => {
    const spec = fc.record({
      partitions: fc.integer({ min: 1, max: 256 }),
      storage: fc.constantFrom('file', 'memory'),
      replicas: fc.constantFrom(1, 3),
      owner: fc.constantFrom('', 'team'),
      retention: fc.constantFrom({}, { age: '1h' }, { bytes: '1GiB' }),
    })
    fc.assert(
      fc.property(spec, spec, (first, second) => {
        const before = streamShapeOf(topic(first), REGION)
        const desired = streamShapeOf(topic(second), REGION)
        expect(planTopic(before, undefined)).toEqual({ action: 'create', changes: [], shape: before })
        const plan = planTopic(desired, before)
        const refused =
          first.partitions > second.partitions || first.storage !== second.storage || first.replicas !== second.replicas
        expect(plan.action === 'refuse').toBe(refused)
        if (refused) expect(plan.shape).toEqual(before)
        else expect(planTopic(desired, plan.shape).action).toBe('unchanged')
        expect(plan.changes.length > 0).toBe(plan.action !== 'unchanged')
      }),
    )
  })
})

function observe(document: TopicDocument, changed: Partial<StreamShape> = {}): StreamShape {
  const shape = streamShapeOf(document, REGION)
  const metadata = Object.entries({ ...shape.metadata, ...changed.metadata }).filter(([, value]) => value !== null)
  return { ...shape, ...changed, metadata: Object.fromEntries(metadata) }
}

function topic(spec: Readonly<Record<string, unknown>>): TopicDocument {
  const metadata = { namespace: 'acme', name: 'orders' }
  return topicOf({ apiVersion: 'landbridge.dev/v1alpha1', kind: 'Topic', metadata, spec })
}

function topicOf(data: unknown): TopicDocument {
  const document = unwrap(fromData(data))
  if (document.kind !== 'Topic') throw new Error('wanted a Topic')
  return document
}
