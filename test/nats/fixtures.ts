import { NatsSession, type StoredMessage, type StoreRequest, StreamReader } from '@landbridge/nats'
import { until as untilSo } from '../lab/until.ts'
import { type NatsServers, type NatsServersOptions, startNatsServers } from '../nats-server.ts'

/** A server, a session, and a way to make streams; everything is gone when it is disposed. */
export type NatsRegion = AsyncDisposable & {
  readonly servers: NatsServers
  readonly session: NatsSession
  /** Makes a stream for subjects under `<name>.` and returns its name. */
  makeStream(name: string, config?: Readonly<Record<string, unknown>>): Promise<string>
  ask<T = { readonly error?: { readonly description: string } }>(subject: string, body?: unknown): Promise<T>
}

export async function startRegion(options: NatsServersOptions = {}): Promise<NatsRegion> {
  const servers = await startNatsServers(options)
  const session = await NatsSession.connect({ servers: servers.urls, name: 'test' })
  const ask = async <T>(subject: string, body?: unknown): Promise<T> => {
    const answer = await session.request(`$JS.API.${subject}`, body === undefined ? '' : JSON.stringify(body), 15_000)
    return JSON.parse(Buffer.from(answer).toString()) as T
  }
  return {
    servers,
    session,
    ask,
    async makeStream(name, config = {}) {
      const answer = await ask<{ readonly error?: { readonly description: string } }>(`STREAM.CREATE.${name}`, {
        name,
        subjects: [`${name}.>`],
        num_replicas: options.nodes ?? 1,
        storage: 'file',
        allow_atomic: true,
        allow_batched: true,
        duplicate_window: 120e9,
        ...config,
      })
      if (answer.error !== undefined) throw new Error(`make ${name}: ${answer.error.description}`)
      return name
    },
    async [Symbol.asyncDispose]() {
      await session.close()
      await servers[Symbol.asyncDispose]()
    },
  }
}

/** A request whose payload is its number. */
export function numbered(subject: string, number: number): StoreRequest {
  return { subject, headers: '', payload: new TextEncoder().encode(String(number)), messageId: `id-${number}` }
}

/** Everything in a stream, in order. */
export async function readAll(session: NatsSession, stream: string): Promise<readonly StoredMessage[]> {
  const messages: StoredMessage[] = []
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  await using _reader = new StreamReader({
    session,
    stream,
    filters: [],
    start: 'all',
    onMessage: (message) => messages.push(message),
    onCaughtUp: resolve,
    onEnd: (error) => error !== undefined && reject(error),
  })
  await promise
  return messages
}

export function textOf(message: StoredMessage): string {
  return new TextDecoder().decode(message.payload)
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  await untilSo(`${condition}`, condition, timeoutMs)
}
