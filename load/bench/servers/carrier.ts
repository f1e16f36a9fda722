import { type BenchMesh, originSubject, REGION, REMOTE_REGION } from '../mesh.ts'
import type { NativePair } from './native-pair.ts'
import { StreamAdmin } from './stream-admin.ts'

/** Names of the two carriers, as rows show them. */
export const NATIVE = 'native source'
export const OURS = 'Replicate'

/** One way to carry a stream's events from one server to another. */
export type Carrier = {
  readonly name: string
  readonly originUrl: string
  readonly receiverUrl: string
  /** Makes the origin's stream. */
  prepare(id: string): Promise<Carried>
}

/** One stream on its way; `connect` lets it begin. */
export type Carried = {
  readonly subject: string
  readonly fromStream: string
  readonly toStream: string
  readonly filter: string
  connect(): Promise<void>
}

/** A native source from the pair's origin to its receiver. */
export async function nativeCarrier(pair: NativePair): Promise<Carrier & AsyncDisposable> {
  const origin = await StreamAdmin.connect(pair.origin.url)
  const receiver = await StreamAdmin.connect(pair.receiver.url)
  return {
    name: NATIVE,
    originUrl: pair.origin.url,
    receiverUrl: pair.receiver.url,
    async prepare(id) {
      await origin.addStream(id, { subjects: [`${id}.>`] })
      return {
        subject: `${id}.event`,
        fromStream: id,
        toStream: id,
        filter: `${id}.>`,
        connect: () => receiver.addStream(id, { source: id, domain: 'origin' }),
      }
    },
    async [Symbol.asyncDispose]() {
      await origin.close()
      await receiver.close()
    },
  }
}

/** The mesh, from its first region to its second. */
export function meshCarrier(mesh: BenchMesh): Carrier {
  const both = [REGION, REMOTE_REGION]
  return {
    name: OURS,
    originUrl: mesh.natsUrl(REGION),
    receiverUrl: mesh.natsUrl(REMOTE_REGION),
    async prepare(id) {
      const topic = await mesh.applyTopic(id, both, [REGION])
      const subject = originSubject(topic, REGION)
      return {
        subject,
        fromStream: topic.stream,
        toStream: topic.stream,
        filter: subject,
        connect: async () => void (await mesh.applyTopic(id, both, [REMOTE_REGION])),
      }
    },
  }
}
