import { BatchWriter, NatsSession, type SessionChange, StreamReader } from '@landbridge/nats'
import { describe, expect, it } from 'vitest'
import { startNatsServers } from '../nats-server.ts'
import { numbered, startRegion, until } from './fixtures.ts'

describe('NatsSession', () => {
  it('says which servers it could not reach, in the time it was given', async () => {
    const started = performance.now()
    const servers = ['127.0.0.1:1']
    const connecting = NatsSession.connect({ servers, name: 'test', connectTimeoutMs: 300 })
    await expect(connecting).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('127.0.0.1:1'),
    })
    expect(performance.now() - started).toBeLessThan(2_000)
    const signal = AbortSignal.abort(new Error('not wanted'))
    await expect(NatsSession.connect({ servers, name: 'test', signal })).rejects.toThrow('not wanted')
    await expect(NatsSession.connect({ servers: [], name: 'test' })).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  it('counts epochs, tells its listeners, and knows the server', async () => {
    await using servers = await startNatsServers()
    await using session = await NatsSession.connect({ servers: servers.urls, name: 'test', domain: servers.domain })
    expect(session.serverVersion).toMatch(/^2\./)
    expect(session.serverIsAtLeast(2, 12)).toBe(true)
    expect(session.serverIsAtLeast(99, 0)).toBe(false)
    expect(session.maxPayloadBytes).toBe(1_048_576)
    const { serverId, epoch } = session
    const changes: SessionChange[] = []
    session.onChange(() => {
      throw new Error('a listener that fails')
    })
    const stop = session.onChange((change) => changes.push(change))
    await servers.kill()
    await until(() => !session.connected)
    await expect(session.request('anything', '')).rejects.toMatchObject({ code: 'unavailable', ambiguous: false })
    const waiting = session.whenConnected(AbortSignal.timeout(20_000))
    await expect(session.whenConnected(AbortSignal.timeout(1))).rejects.toMatchObject({ name: 'TimeoutError' })
    await servers.start()
    await waiting
    expect(changes).toEqual([
      { connected: false, epoch: epoch + 1 },
      { connected: true, epoch: epoch + 2 },
    ])
    expect(session.serverId).not.toBe(serverId)
    stop()
    await session.close()
    await session.close()
    expect(session.connected).toBe(false)
    await expect(session.whenConnected()).rejects.toMatchObject({ code: 'unavailable' })
    expect(changes).toHaveLength(2)
  })

  // The library keeps what is published while it dials, and sends it after the reconnect.
  it('sends nothing after a reconnect that was asked for before', { timeout: 30_000 }, async () => {
    await using region = await startRegion()
    const stream = await region.makeStream('held')
    await using writer = new BatchWriter({ session: region.session, stream, timeoutMs: 200 })
    await writer.store([numbered(`${stream}.a`, 0)])
    await region.servers.kill()
    await until(() => !region.session.connected)
    let stopped = false
    let failed = 0
    const storing = (async () => {
      for (let n = 1; !stopped; n++) {
        const [one] = await writer.store([numbered(`${stream}.a`, n)])
        if (one?.kind === 'failed') {
          expect(one.error.ambiguous).toBe(false)
          failed++
        } else return n
      }
      return 0
    })()
    await until(() => failed > 2)
    await region.servers.start()
    const stored = await storing
    stopped = true
    const info = await region.ask<{ readonly state: { readonly messages: number } }>(`STREAM.INFO.${stream}`)
    expect([stored > 0, info.state.messages]).toEqual([true, 2])
  })

  it('closes what uses it: readers end, waiting writers fail', async () => {
    await using region = await startRegion()
    const stream = await region.makeStream('closing')
    const ended = Promise.withResolvers<string | undefined>()
    const caughtUp = Promise.withResolvers<void>()
    await using session = await NatsSession.connect({ servers: region.servers.urls, name: 'closing' })
    const reader = new StreamReader({
      session,
      stream,
      filters: [],
      start: 'all',
      onMessage: () => undefined,
      onCaughtUp: caughtUp.resolve,
      onEnd: (error) => ended.resolve(error?.code),
    })
    await caughtUp.promise
    const writer = new BatchWriter({ session, stream, timeoutMs: 200 })
    await session.close()
    expect(await ended.promise).toBe('unavailable')
    expect(await writer.store([numbered(`${stream}.a`, 1)])).toMatchObject([
      { kind: 'failed', error: { ambiguous: false } },
    ])
    await writer.close()
    await reader.close()
  })

  it('notices a reader that has gone quiet', { timeout: 30_000 }, async () => {
    await using region = await startRegion()
    const stream = await region.makeStream('quiet')
    const opened: string[] = []
    const log = { debug: (_: unknown, text: string) => opened.push(text), info() {}, warn() {}, error() {} }
    const sequences: number[] = []
    await using _reader = new StreamReader({
      session: region.session,
      stream,
      filters: [],
      start: 'all',
      log,
      onMessage: (message) => sequences.push(message.sequence),
    })
    await using writer = new BatchWriter({ session: region.session, stream })
    await writer.store([numbered(`${stream}.a`, 1)])
    await until(() => sequences.length === 1)
    region.servers.pause()
    await until(() => opened.length > 0)
    region.servers.resume()
    await until(async () => (await writer.store([numbered(`${stream}.a`, 2)]))[0]?.kind !== 'failed')
    await until(() => sequences.length === 2)
    expect(sequences).toEqual([1, 2])
  })
})
