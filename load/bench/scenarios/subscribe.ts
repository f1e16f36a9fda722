import { ContenderProcess } from '../contender-process.ts'
import { originSubject, REGION } from '../mesh.ts'
import { toRow } from '../report/row.ts'
import { interleave } from '../rounds.ts'
import { rateOf, roundsOf, type Scenario, syncText } from './scenario.ts'

const EVENTS = 200_000
const QUICK_EVENTS = 10_000
const CONSUME = 'consume({ callback }) with acks'
const SUBSCRIBE = 'Subscribe'

/** Reading a backlog as the only member of a new group. The mesh's acks are confirmed one by one, those of the client are not. */
export const subscribe: Scenario = {
  name: 'subscribe',
  syncModes: ['always'],
  async run({ mesh, sync, rounds, quick, onTurn }) {
    const events = quick ? QUICK_EVENTS : EVENTS
    const topic = await mesh.applyTopic('subscribe', [REGION])
    const natsUrl = mesh.natsUrl(REGION)
    await using load = await ContenderProcess.start('batch-load', { natsUrl })
    await load.run({ stream: topic.stream, subject: originSubject(topic, REGION), events })
    await using consume = await ContenderProcess.start('js-consume', { natsUrl, stream: topic.stream })
    await using subscriber = await ContenderProcess.start('subscribe', {
      access: await mesh.access(REGION),
      topic: topic.name,
    })

    let groups = 0
    const task = () => ({ group: `bench-${++groups}`, events })
    const outcomes = await interleave(
      [
        { name: CONSUME, run: () => consume.run(task()) },
        { name: SUBSCRIBE, run: () => subscriber.run(task()) },
      ],
      rounds,
      onTurn,
    )
    return [
      toRow({
        name: `Subscribe with confirmed acks, ${syncText(sync)}`,
        unit: 'events/s',
        rounds: roundsOf(outcomes, SUBSCRIBE).map(rateOf),
        against: { name: CONSUME, rounds: roundsOf(outcomes, CONSUME).map(rateOf) },
        goal: { kind: 'at-least', times: 0.6 },
      }),
    ]
  },
}
