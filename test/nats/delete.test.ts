import { type MeshDocument, parseDocumentKey, parseDocuments, unwrap } from '@landbridge/core'
import { applyDocument, ConfigBucket, deleteDocument, streamStatus } from '@landbridge/nats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NatsRegion, startRegion } from './fixtures.ts'

let region: NatsRegion
let config: ConfigBucket
beforeAll(async () => {
  region = await startRegion()
  config = await ConfigBucket.open({ session: region.session, replicas: 1 })
})
afterAll(async () => {
  await config.close()
  await region[Symbol.asyncDispose]()
})

const context = () => ({ session: region.session, config, region: { name: 'us-east', replicasDefault: 1 } })

async function apply(text: string) {
  const [document] = unwrap(parseDocuments(`apiVersion: landbridge.dev/v1alpha1\n${text}`))
  return applyDocument(context(), document as MeshDocument, { dryRun: false })
}

const topic = (name: string, policy: string) =>
  apply(`kind: Topic\nmetadata: { namespace: acme, name: ${name} }\nspec: { deletionPolicy: ${policy} }`)

const remove = (kind: string, name: string, dryRun = false) =>
  deleteDocument(context(), unwrap(parseDocumentKey(kind, name)), { dryRun })

describe('deleteDocument', () => {
  it('takes the events of a topic with it when the topic says so', async () => {
    await topic('gone.soon', 'Delete')
    await region.session.request('lb.acme.gone_soon.us-east.0', 'x', 5_000)
    const planned = await remove('Topic', 'acme/gone.soon', true)
    expect(planned).toEqual({
      kind: 'Topic',
      name: 'acme/gone.soon',
      action: 'deleted',
      changes: [expect.stringMatching(/^stream lb_acme_gone_soon with 1 records \(\d+B\) goes$/)],
    })
    expect(await streamStatus(region.session, 'lb_acme_gone_soon')).toMatchObject({ messages: 1 })
    expect(await remove('Topic', 'acme/gone.soon')).toEqual(planned)
    expect(await streamStatus(region.session, 'lb_acme_gone_soon')).toBeUndefined()
    expect(await remove('Topic', 'acme/gone.soon')).toMatchObject({ action: 'unchanged' })
  })

  it('keeps the events otherwise, and the topic can be applied again', async () => {
    await topic('kept', 'Retain')
    await region.session.request('lb.acme.kept.us-east.0', 'x', 5_000)
    expect(await remove('Topic', 'acme/kept')).toMatchObject({
      action: 'deleted',
      changes: [expect.stringMatching(/stays$/)],
    })
    expect(await config.get('topic.acme.kept')).toBeUndefined()
    expect(await topic('kept', 'Retain')).toMatchObject({ action: 'created' })
    expect(await streamStatus(region.session, 'lb_acme_kept')).toMatchObject({ messages: 1 })
  })

  it('touches no stream that is not the topic’s own', async () => {
    await topic('swapped', 'Delete')
    await region.ask('STREAM.DELETE.lb_acme_swapped')
    await region.ask('STREAM.CREATE.lb_acme_swapped', { name: 'lb_acme_swapped', subjects: ['theirs'] })
    expect(await remove('Topic', 'acme/swapped')).toMatchObject({
      action: 'failed',
      error: { code: 'failed_precondition' },
    })
    expect(await config.get('topic.acme.swapped')).toBeDefined()
    await region.ask('STREAM.DELETE.lb_acme_swapped')
    expect(await remove('Topic', 'acme/swapped')).toMatchObject({ action: 'deleted' })
  })

  it('deletes policies and peers, too', async () => {
    await apply(`kind: RegionPeer\nmetadata: { name: eu-west }\nspec: { endpoints: ['h:1'] }`)
    await apply(
      `kind: AccessPolicy\nmetadata: { namespace: acme, name: team }\nspec: { principals: [{ subject: a }], topics: ['*'], operations: [publish] }`,
    )
    expect(await remove('RegionPeer', 'eu-west')).toMatchObject({ action: 'deleted' })
    expect(await remove('AccessPolicy', 'acme/team')).toMatchObject({ action: 'deleted' })
    expect([...(await config.all()).keys()].filter((key) => !key.startsWith('topic.'))).toEqual([])
  })
})
