import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type StreamShape, streamName, streamShapeOf, type TopicDocument, toStored, unwrap } from '@landbridge/core'
import { describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { formatHolder } from './holder.ts'
import { planResource } from './plan.ts'
import type { Found, MeshResource, Step, Wish } from './types.ts'
import { documentOf, identityOf, wishOf } from './wish.ts'

const FOLDER = join(import.meta.dirname, 'testdata/plan')

/** One case: the resource, and what there is in the region. */
type Case = {
  readonly resource: Pick<MeshResource, 'metadata' | 'spec' | 'status'>
  readonly claimedBy?: string
  /** "as-declared", nothing, or the stream as declared with these fields changed. */
  readonly stream?: 'as-declared' | Partial<StreamShape>
  /** "as-declared", nothing, or another text. */
  readonly stored?: string
  /** What the entry is held by; "nobody" for one that does not say. Absent: the resource. */
  readonly heldBy?: string
  readonly inUse?: readonly string[]
}

const TOPIC = { apiVersion: 'landbridge.dev/v1alpha1', kind: 'Topic' }

describe('plan of a resource', () => {
  const names = readdirSync(FOLDER).flatMap((file) => (file.endsWith('.in.yaml') ? [file.replace('.in.yaml', '')] : []))
  it.each(names)('%s', async (name) => {
    const given: Case = parse(readFileSync(join(FOLDER, `${name}.in.yaml`), 'utf8'))
    const wish = wishIn(given)
    const { steps, verdict, drift } = planResource(wish, foundOf(given, wish))
    const shown = { steps: steps.map(shortened), verdict, drift }
    await expect(stringify(shown)).toMatchFileSnapshot(join(FOLDER, `${name}.out.yaml`))
  })

  it('is done after it was carried out', () => {
    for (const name of names) {
      const given: Case = parse(readFileSync(join(FOLDER, `${name}.in.yaml`), 'utf8'))
      const wish = wishIn(given)
      const found = foundOf(given, wish)
      const first = planResource(wish, found)
      const finalizer = first.steps.some(({ kind }) => kind === 'add-finalizer') || wish.finalizer
      const removed = first.steps.some(({ kind }) => kind === 'remove-finalizer')
      const second = planResource({ ...wish, finalizer: finalizer && !removed }, carriedOut(found, first.steps))
      expect(second.steps, name).toEqual([])
    }
  })
})

function wishIn({ resource: given, claimedBy }: Case): Wish {
  const resource = { apiVersion: 'landbridge.dev/v1alpha1', kind: 'Topic', ...given }
  const { namespace } = resource.metadata
  const document = documentOf(resource, namespace)
  return wishOf(resource, { document, identity: identityOf(resource, namespace), claimedBy })
}

function foundOf({ resource, stream, stored, heldBy, inUse = [] }: Case, { document, deleting, holder }: Wish): Found {
  if (document.error !== undefined && !deleting) return { stream: undefined, stored, inUse }
  // Of a spec that cannot be read only the name counts.
  const topic = (document.value ??
    unwrap(documentOf({ ...TOPIC, metadata: resource.metadata }, 'acme'))) as TopicDocument
  const desired = streamShapeOf(topic, { replicasDefault: 1 })
  const observed = stream === undefined ? undefined : { ...desired, ...(stream === 'as-declared' ? {} : stream) }
  const holds = heldBy === 'nobody' ? undefined : (heldBy ?? formatHolder(holder))
  return { stream: { desired, observed }, stored: stored === 'as-declared' ? toStored(topic, holds) : stored, inUse }
}

function carriedOut(found: Found, steps: readonly Step[]): Found {
  let { stream, stored } = found
  for (const step of steps) {
    if (step.kind === 'create-stream' || step.kind === 'update-stream') {
      stream = { desired: step.shape, observed: step.shape }
    }
    if (step.kind === 'delete-stream' && stream !== undefined) stream = { ...stream, observed: undefined }
    if (step.kind === 'put-config') stored = toStored(step.document, step.heldBy)
    if (step.kind === 'delete-config') stored = undefined
  }
  return { ...found, stream, stored }
}

/** A step without what the topic's own tests pin. */
function shortened(step: Step): object {
  if (step.kind === 'create-stream' || step.kind === 'update-stream')
    return { kind: step.kind, stream: step.shape.name }
  if (step.kind === 'put-config' && step.document.kind === 'Topic') {
    return { kind: step.kind, topic: streamName(step.document.name) }
  }
  return step
}
