import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { StartContender } from '../contender.ts'
import { runAtPace } from '../pace.ts'
import { connectMesh } from './connect-mesh.ts'

const DATA = new Uint8Array(256 - 88).fill(0x61)
const SETTLE_LIMIT_MS = 60_000
const SETTLE_POLL_MS = 50
/** The home region must have taken so many events in a row. */
const SETTLED_EVENTS = 20

/** One unary Publish of the SDK an event at a constant rate, whatever breaks meanwhile: none may fail. */
export const start: StartContender<'publish-through'> = async ({ access, topic, home }) => {
  const mesh = connectMesh(access)
  const publish = async () => {
    const event = { id: randomUUID(), source: '/bench', type: 'dev.landbridge.bench.v1', data: DATA }
    const [receipt] = await mesh.publish(topic, event)
    return receipt?.region
  }

  async function settle(): Promise<void> {
    const endMs = performance.now() + SETTLE_LIMIT_MS
    for (let inRow = 0; inRow < SETTLED_EVENTS; ) {
      const region = await publish().catch(() => undefined)
      inRow = region === home ? inRow + 1 : 0
      if (performance.now() > endMs)
        throw new Error(`${region} takes events after ${SETTLE_LIMIT_MS} ms, wanted ${home}`)
      await delay(SETTLE_POLL_MS)
    }
  }

  return {
    async run(task) {
      const latenciesMs: number[] = []
      if (task.kind === 'settle') {
        await settle()
        return { latenciesMs }
      }
      const { seconds, perSecond } = task
      const pending: Promise<void>[] = []
      await runAtPace({ count: Math.round(seconds * perSecond), perSecond }, (dueMs) => {
        const acknowledged = publish().then(() => void latenciesMs.push(performance.now() - dueMs))
        // Told by the wait below; until then nobody listens.
        acknowledged.catch(() => {})
        pending.push(acknowledged)
      })
      await Promise.all(pending)
      return { latenciesMs }
    },
    close: () => mesh.close(),
  }
}
