import { randomUUID } from 'node:crypto'
import type { StartContender } from '../contender.ts'
import { runAtPace } from '../pace.ts'
import { connectMesh } from './connect-mesh.ts'

// With its attributes and a UUID the encoded event is as long as those of the others, within a few bytes.
const DATA = new Uint8Array(256 - 88).fill(0x61)

/** One unary Publish of the SDK an event at a constant rate, encoding included. */
export const start: StartContender<'publish-paced'> = async ({ access, topic }) => {
  const mesh = connectMesh(access)
  return {
    async run({ seconds, perSecond }) {
      const latenciesMs: number[] = []
      const pending: Promise<void>[] = []
      await runAtPace({ count: Math.round(seconds * perSecond), perSecond }, (dueMs) => {
        const event = { id: randomUUID(), source: '/bench', type: 'dev.landbridge.bench.v1', data: DATA }
        pending.push(
          mesh.publish(topic, event).then(() => {
            latenciesMs.push(performance.now() - dueMs)
          }),
        )
      })
      await Promise.all(pending)
      return { latenciesMs }
    },
    close: () => mesh.close(),
  }
}
