import { BatchWriter, type GroupMessage, GroupReader, type GroupReaderOptions } from '@landbridge/nats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NatsRegion, numbered, startRegion, until } from './fixtures.ts'

let region: NatsRegion
beforeAll(async () => {
  region = await startRegion()
})
afterAll(() => region[Symbol.asyncDispose]())

async function store(stream: string, count: number): Promise<void> {
  await using writer = new BatchWriter({ session: region.session, stream, mode: 'atomic' })
  await writer.store(Array.from({ length: count }, (_, n) => numbered(`${stream}.a`, n)))
}

type Member = { readonly reader: GroupReader; readonly messages: GroupMessage[] }

function join(stream: string, options: Partial<GroupReaderOptions> = {}): Member {
  const messages: GroupMessage[] = []
  const reader = new GroupReader({
    session: region.session,
    stream,
    group: 'workers',
    filters: [`${stream}.*`],
    start: 'all',
    onMessage: (message) => messages.push(message),
    ...options,
  })
  return { reader, messages }
}

async function ackFloor(stream: string): Promise<number> {
  const info = await region.ask<{ readonly ack_floor?: { readonly stream_seq: number } }>(
    `CONSUMER.INFO.${stream}.workers`,
  )
  return info.ack_floor?.stream_seq ?? 0
}

describe('GroupReader', () => {
  it('settles for good: what is confirmed never comes again', async () => {
    const stream = await region.makeStream('settle')
    await store(stream, 500)
    const first = join(stream)
    await until(() => first.messages.length === 500)
    expect(first.reader.unsettled).toBe(500)
    await first.reader.settle(first.messages.map(({ handle }) => handle))
    expect(await ackFloor(stream)).toBe(500)
    expect(first.reader.unsettled).toBe(0)
    await first.reader.close()
    await store(stream, 501)
    const second = join(stream)
    await until(() => second.messages.length > 0)
    expect(second.messages.map(({ sequence, deliveries }) => [sequence, deliveries])).toEqual([[501, 1]])
    await second.reader.close()
  })

  it('returns what is unsettled at once when a member leaves', async () => {
    const stream = await region.makeStream('release')
    await store(stream, 50)
    const first = join(stream, { ackWaitMs: 60_000 })
    await until(() => first.messages.length === 50)
    await first.reader.settle(first.messages.slice(0, 10).map(({ handle }) => handle))
    await first.reader.release()
    const second = join(stream, { ackWaitMs: 60_000 })
    await until(() => second.messages.length === 40, 5_000)
    expect(second.messages.map(({ sequence }) => sequence).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, n) => n + 11),
    )
    expect(new Set(second.messages.map(({ deliveries }) => deliveries))).toEqual(new Set([2]))
    await second.reader.close()
    await first.reader.close()
  })

  it('delivers again after a nack, when its delay is over', async () => {
    const stream = await region.makeStream('nack')
    await store(stream, 2)
    const times: number[] = []
    const { reader, messages } = join(stream, {
      onMessage: (message) => {
        messages.push(message)
        times.push(performance.now())
      },
    })
    await until(() => messages.length === 2)
    const [delayed, now] = messages
    if (delayed === undefined || now === undefined) throw new Error('two messages are expected')
    reader.nack(delayed.handle, 400)
    reader.nack(now.handle, 0)
    await until(() => messages.length === 4)
    expect(messages.slice(2).map(({ sequence, deliveries }) => [sequence, deliveries])).toEqual([
      [2, 2],
      [1, 2],
    ])
    expect((times[3] ?? 0) - (times[1] ?? 0)).toBeGreaterThan(350)
    const [, , two, one] = messages
    reader.term(two?.handle ?? delayed.handle, 'cannot\r\nbe read')
    await reader.settle([one?.handle ?? delayed.handle])
    await until(async () => (await ackFloor(stream)) === 2)
    await reader.close()
  })

  it('keeps a message while it is in progress, and gives it to another member after the ack wait', async () => {
    const stream = await region.makeStream('progress')
    await store(stream, 1)
    const { reader, messages } = join(stream, { ackWaitMs: 1_000 })
    await until(() => messages.length === 1)
    const started = performance.now()
    const [message] = messages
    if (message === undefined) throw new Error('a message is expected')
    const beat = setInterval(() => reader.inProgress(message.handle), 200)
    await until(() => performance.now() - started > 1_800)
    expect(messages).toHaveLength(1)
    clearInterval(beat)
    await until(() => messages.length === 2)
    await reader.close()
  })

  it('shares the messages between two members', async () => {
    const stream = await region.makeStream('share')
    const members = [join(stream, { windowMessages: 20 }), join(stream, { windowMessages: 20 })]
    await until(async () => {
      const info = await region.ask<{ readonly num_waiting?: number }>(`CONSUMER.INFO.${stream}.workers`)
      return (info.num_waiting ?? 0) >= 2
    })
    await store(stream, 400)
    await until(async () => {
      for (const { reader, messages } of members) await reader.settle(messages.map(({ handle }) => handle))
      return members.reduce((sum, { messages }) => sum + messages.length, 0) === 400
    })
    const sequences = members.flatMap(({ messages }) => messages.map(({ sequence }) => sequence))
    expect(new Set(sequences).size).toBe(400)
    for (const { messages } of members) expect(messages.length).toBeGreaterThan(20)
    await Promise.all(members.map(({ reader }) => reader.close()))
  })

  it('goes on after a restart of the server without losing or settling anything by itself', async () => {
    const stream = await region.makeStream('restart')
    await store(stream, 100)
    const seen = new Set<number>()
    const { reader } = join(stream, {
      ackWaitMs: 1_000,
      onMessage: (message) => {
        if (message.sequence % 2 === 0 && !seen.has(message.sequence)) return void seen.add(message.sequence)
        seen.add(message.sequence)
        reader.settle([message.handle]).catch(() => undefined)
      },
    })
    await until(() => seen.size >= 50)
    await region.servers.kill()
    await until(() => !region.session.connected)
    await region.servers.start()
    await until(() => region.session.connected)
    await store(stream, 200)
    await until(async () => (await ackFloor(stream)) === 200)
    expect(seen.size).toBe(200)
    await reader.close()
  })

  it('ends with an error when its stream is deleted', async () => {
    const stream = await region.makeStream('gone')
    await store(stream, 1)
    const ended = Promise.withResolvers<string | undefined>()
    const { messages } = join(stream, { onEnd: (error) => ended.resolve(error?.code) })
    await until(() => messages.length === 1)
    await region.ask(`STREAM.DELETE.${stream}`)
    expect(await ended.promise).toBe('not_found')
  })
})
