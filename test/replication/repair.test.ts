import {
  controlSubject,
  encodeHeaders,
  eventSubject,
  isControlSubject,
  type MatchAnswer,
  markerSubject,
  type Position,
  parseControl,
  START,
  type TopicName,
  unwrap,
} from '@landbridge/core'
import { BatchWriter, CheckpointBucket, type StoredMessage, type StoreRequest, StreamIds } from '@landbridge/nats'
import { expect, test } from 'vitest'
import { Incarnations } from '../../gateway/replicate/pull/incarnations.ts'
import { LocalStream } from '../../gateway/replicate/pull/local-stream.ts'
import { BranchAges } from '../../gateway/replicate/repair/branch-ages.ts'
import { Paces } from '../../gateway/replicate/repair/pace.ts'
import { type RepairOutcome, repairOrigin } from '../../gateway/replicate/repair/repair.ts'
import { RepairStream } from '../../gateway/replicate/repair/repair-stream.ts'
import type { TopicEntry } from '../../gateway/topics.ts'
import { numbered, readAll, startRegion } from '../nats/fixtures.ts'

const name: TopicName = { tenant: 'acme', topic: 'orders' }
const STREAM = 'lb_acme_orders'
const ORIGIN = 'us-east'
const REGION = 'eu-west'

const place = (sequence: number): Position => ({ sequence, stamp: BigInt(sequence) * 1_000_000n })

function replicated(sequence: number): StoreRequest {
  const origin = { position: place(sequence), prev: sequence === 1 ? START : place(sequence - 1) }
  const headers = encodeHeaders({ messageId: `x${sequence}`, origin, mark: undefined })
  return { subject: eventSubject(name, ORIGIN, sequence % 4), headers, payload: new Uint8Array(8), messageId: '' }
}

/** The stream of a region that holds events of an origin, of which the origin has lost all behind `kept`. */
async function startDiverged(options: { readonly held: number; readonly kept: number }) {
  const region = await startRegion()
  await region.makeStream(STREAM, { subjects: ['lb.acme.orders.>'] })
  const { session } = region
  const checkpoints = await CheckpointBucket.open({ session, replicas: 1 })
  const incarnations = new Incarnations()
  const topic = { key: 'acme/orders', stream: STREAM, document: { name } } as TopicEntry
  await using writer = new BatchWriter({ session, stream: STREAM })
  for (let sequence = 1; sequence <= options.held; sequence++) {
    await writer.store([replicated(sequence)])
    if (sequence % 3 === 0) await writer.store([numbered(eventSubject(name, REGION, 0), sequence)])
  }
  const branches = new BranchAges()
  /** Another process, as far as the repair can tell. */
  const repair = async (signal = new AbortController().signal, onAct = () => {}): Promise<RepairOutcome> => {
    const local = new LocalStream({ session, checkpoints, incarnations, topic, origin: ORIGIN })
    await local.look()
    const answerOf = ({ sequence }: Position): MatchAnswer => (sequence <= options.kept ? 'present' : 'absent')
    return repairOrigin({
      stream: STREAM,
      origin: ORIGIN,
      local,
      repair: new RepairStream({ session, topic, region: REGION, origin: ORIGIN, signal }),
      branches,
      pace: new Paces(() => []).of(topic.key),
      duplicateWindowMs: 120_000,
      batchLifeMs: 20,
      match: async (positions) => positions.map(answerOf),
      events: { onBranch: () => {}, onAdopted: () => {}, onAct },
      signal,
    })
  }
  const content = async () => readContent(await readAll(session, STREAM))
  return { region, repair, content, [Symbol.asyncDispose]: () => region[Symbol.asyncDispose]() }
}

/** What a repair wrote. */
function readContent(messages: readonly StoredMessage[]) {
  const controls = messages.flatMap((message) => {
    if (!isControlSubject(message.subject)) return []
    return [{ ...unwrap(parseControl((header) => message.header(header))), subject: message.subject }]
  })
  const bySequence = new Map(messages.map((message) => [message.sequence, message.header('Nats-Msg-Id')]))
  return {
    markers: controls.flatMap((control) => (control.kind === 'marker' ? [control] : [])),
    others: controls.filter(({ kind }) => kind !== 'marker'),
    idAt: (sequence: number) => bySequence.get(sequence),
  }
}

test('what the origin lost is given back, each event once', async () => {
  await using diverged = await startDiverged({ held: 200, kept: 150 })
  expect(await diverged.repair()).toMatchObject({ reason: 'repaired', common: place(150), adopted: 50 })
  const { markers, others, idAt } = await diverged.content()
  expect(markers.map(({ messageId }) => messageId)).toEqual(Array.from({ length: 50 }, (_, at) => `x${151 + at}`))
  for (const { messageId, localSequence, subject } of markers) {
    expect(idAt(localSequence)).toBe(messageId)
    expect(subject).toBe(markerSubject(name, REGION))
  }
  const behind = { common: place(150), behind: 150 + 49, subject: controlSubject(name, ORIGIN) }
  expect(others).toEqual([
    { kind: 'branch', ...behind },
    { kind: 'open', ...behind },
  ])
  const { session } = diverged.region
  const marked = new StreamIds({ session, stream: STREAM, filter: 'lb.acme.orders.*.*.m' })
  await marked.refresh()
  expect([marked.has('x150'), marked.has('x151'), marked.has('x200')]).toEqual([false, true, true])
})

test('a repair that is cut short at any step goes on from the data', async () => {
  await using diverged = await startDiverged({ held: 60, kept: 40 })
  let outcome: RepairOutcome | undefined
  for (let steps = 1; outcome?.reason !== 'repaired'; steps++) {
    const cut = new AbortController()
    let acts = 0
    outcome = await diverged.repair(cut.signal, () => {
      acts += 1
      if (acts === steps) cut.abort()
    })
    expect(steps).toBeLessThan(30)
  }
  const { markers, others } = await diverged.content()
  expect(new Set(markers.map(({ messageId }) => messageId)).size).toBe(20)
  expect(markers).toHaveLength(20)
  expect(others.map(({ kind }) => kind)).toEqual(['branch', 'open'])
})

test('two repairs at once write everything once', async () => {
  await using diverged = await startDiverged({ held: 90, kept: 0 })
  let reasons: string[] = []
  for (let tries = 0; !reasons.includes('repaired'); tries++) {
    reasons = (await Promise.all([diverged.repair(), diverged.repair(), diverged.repair()])).map(({ reason }) => reason)
    expect(tries).toBeLessThan(10)
  }
  const { markers, others } = await diverged.content()
  expect(markers.map(({ messageId }) => messageId)).toEqual(Array.from({ length: 90 }, (_, at) => `x${1 + at}`))
  expect(others.map(({ kind }) => kind)).toEqual(['branch', 'open'])
  expect(others[0]).toMatchObject({ common: START, behind: 0 })
})
