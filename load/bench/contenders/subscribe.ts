import type { StartContender } from '../contender.ts'
import { Stopwatch } from '../stopwatch.ts'
import { connectMesh } from './connect-mesh.ts'

const CREDIT = 10_000

/** One member of a group that iterates over the SDK's subscription and acknowledges each event; counted is what is confirmed. */
export const start: StartContender<'subscribe'> = async ({ access, topic }) => {
  const mesh = connectMesh(access)
  return {
    async run({ group, events }) {
      const watch = new Stopwatch()
      const done = Promise.withResolvers<void>()
      let settled = 0
      const onSettled = () => {
        watch.acknowledged(1)
        if (++settled === events) done.resolve()
      }
      await using deliveries = mesh.subscribe(topic, { group, from: 'earliest', credit: CREDIT })
      let taken = 0
      for await (const delivery of deliveries) {
        delivery.ack().then(onSettled, done.reject)
        if (++taken === events) break
      }
      await done.promise
      return watch.stop()
    },
    close: () => mesh.close(),
  }
}
