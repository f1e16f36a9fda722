import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { streamName } from '@landbridge/core'
import { copyStore, putBackStore } from '@landbridge/lab'
import { NatsSession } from '@landbridge/nats'
import { DOCUMENTS, type Mesh, TOPIC } from './mesh.ts'

/** A region's store as it is now, to be put back later. */
export async function keepStore(mesh: Mesh, region: string) {
  const folder = await mkdtemp(join(tmpdir(), 'lb-store-'))
  await copyStore(mesh.lab.region(region), 0, folder)
  return {
    /** The power goes: the server comes up again with what it had then. */
    async putBack(): Promise<void> {
      await mesh.lab.region(region).kill('nats')
      await putBackStore(mesh.lab.region(region), 0, { streams: folder, buckets: folder })
      await mesh.lab.region(region).start('nats')
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Asks a region's JetStream. */
async function askJetStream<T>(mesh: Mesh, region: string, subject: string, body: object = {}): Promise<T> {
  await using session = await NatsSession.connect({ servers: mesh.lab.region(region).natsUrls, name: 'test faults' })
  const answer = JSON.parse(Buffer.from(await session.request(`$JS.API.${subject}`, JSON.stringify(body))).toString())
  if (answer.error !== undefined) throw new Error(`${subject}: ${answer.error.description}`)
  return answer
}

/** Deletes the topic's stream in a region. */
export async function deleteStream(mesh: Mesh, region: string): Promise<void> {
  await askJetStream(mesh, region, `STREAM.DELETE.${streamName(TOPIC)}`)
}

/** Deletes the topic's stream in a region, and makes it anew. */
export async function recreateStream(mesh: Mesh, region: string): Promise<void> {
  await deleteStream(mesh, region)
  await mesh.lab.apply(DOCUMENTS, { region })
}

/** Lets retention take all but the newest records of a region's stream of the topic. */
export async function keepNewest(mesh: Mesh, region: string, records: number): Promise<void> {
  const stream = streamName(TOPIC)
  const { config } = await askJetStream<{ readonly config: object }>(mesh, region, `STREAM.INFO.${stream}`)
  await askJetStream(mesh, region, `STREAM.UPDATE.${stream}`, { ...config, max_msgs: records })
  await askJetStream(mesh, region, `STREAM.UPDATE.${stream}`, config)
}
