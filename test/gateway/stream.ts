import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import type { Delivery, SubscribeRequest, SubscribeResponse } from '@landbridge/proto'

/** What came over a stream so far, and how to wait for more. */
export type Received<Message> = {
  readonly messages: readonly Message[]
  /** How the stream ended: undefined while it is open, `ok` or the error. */
  readonly end: 'ok' | ServiceError | undefined
  /** Resolves when the condition holds; rejects after 30 s, or when the stream ended before. */
  until(condition: (messages: readonly Message[]) => boolean): Promise<readonly Message[]>
  /** Resolves when the stream has ended, with its error, if it was not OK. */
  ended(): Promise<ServiceError | undefined>
}

const WAIT_MS = 30_000

/** Collects what a stream receives. */
export function collect<Request, Message>(stream: ClientDuplexStream<Request, Message>): Received<Message> {
  const messages: Message[] = []
  const checks = new Set<() => void>()
  let end: 'ok' | ServiceError | undefined
  const check = () => {
    for (const one of checks) one()
  }
  stream.on('data', (message: Message) => {
    messages.push(message)
    check()
  })
  stream.on('error', (error: ServiceError) => {
    end ??= error
    check()
  })
  stream.on('end', () => {
    end ??= 'ok'
    check()
  })
  const waitFor = <T>(what: string, answer: () => T | undefined): Promise<T> => {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const timer = setTimeout(() => reject(new Error(`wait for ${what}: not within ${WAIT_MS} ms`)), WAIT_MS)
    const one = () => {
      try {
        const value = answer()
        if (value !== undefined) resolve(value)
      } catch (error) {
        reject(error)
      }
    }
    checks.add(one)
    one()
    return promise.finally(() => {
      clearTimeout(timer)
      checks.delete(one)
    })
  }
  return {
    messages,
    get end() {
      return end
    },
    until: (condition) =>
      waitFor('messages', () => {
        if (condition(messages)) return messages
        if (end !== undefined) throw end === 'ok' ? new Error('stream ended well, wanted more') : end
        return undefined
      }),
    ended: async () => {
      // An error comes behind the end of the data: let it arrive.
      const found = await waitFor('the end', () => (end === undefined ? undefined : { end }))
      await new Promise(setImmediate)
      return found.end === 'ok' && end !== 'ok' ? end : found.end === 'ok' ? undefined : found.end
    },
  }
}

/** A `Subscribe` stream with the words a test needs. */
export class TestSubscription {
  readonly stream: ClientDuplexStream<SubscribeRequest, SubscribeResponse>
  readonly received: Received<SubscribeResponse>

  constructor(stream: ClientDuplexStream<SubscribeRequest, SubscribeResponse>) {
    this.stream = stream
    this.received = collect(stream)
  }

  /** Sends `start`; resolves when the subscription stands. */
  async start(request: {
    topic?: string
    group?: string
    from?: 'latest' | 'earliest' | { sequence: bigint }
    messages?: number
    bytes?: bigint
    ackWaitSeconds?: bigint
  }): Promise<this> {
    const { topic = 'acme/orders', group = '', from = 'latest', messages = 1000, bytes = 0n, ackWaitSeconds } = request
    this.send({
      case: 'start',
      value: {
        $typeName: 'landbridge.v1.SubscribeStart',
        topic,
        group,
        position: {
          $typeName: 'landbridge.v1.StartPosition',
          position: typeof from === 'string' ? { case: from, value: true } : { case: 'sequence', value: from.sequence },
        },
        credit: { $typeName: 'landbridge.v1.Credit', messages, bytes },
        ...(ackWaitSeconds === undefined
          ? {}
          : { ackWait: { $typeName: 'google.protobuf.Duration', seconds: ackWaitSeconds, nanos: 0 } }),
      },
    })
    await this.received.until((responses) => responses.some(({ response }) => response.case === 'started'))
    return this
  }

  send(request: SubscribeRequest['request']): void {
    this.stream.write({ $typeName: 'landbridge.v1.SubscribeRequest', request })
  }

  credit(messages: number, bytes = 0n): void {
    this.send({ case: 'credit', value: { $typeName: 'landbridge.v1.Credit', messages, bytes } })
  }

  ack(...deliveryIds: bigint[]): void {
    this.send({ case: 'ack', value: { $typeName: 'landbridge.v1.Ack', deliveryIds } })
  }

  nack(...deliveryIds: bigint[]): void {
    this.send({ case: 'nack', value: { $typeName: 'landbridge.v1.Nack', deliveryIds } })
  }

  reject(...deliveryIds: bigint[]): void {
    this.send({ case: 'reject', value: { $typeName: 'landbridge.v1.Reject', deliveryIds, reason: 'broken' } })
  }

  /** Everything delivered so far. */
  get deliveries(): Delivery[] {
    return this.received.messages.flatMap(({ response }) =>
      response.case === 'deliveries' ? response.value.deliveries : [],
    )
  }

  /** Ids of the events delivered so far. */
  get ids(): (string | undefined)[] {
    return this.deliveries.map((delivery) => delivery.event?.id)
  }

  /** Delivery ids that were confirmed, and those that were not owned. */
  get settled(): { readonly settled: bigint[]; readonly unknown: bigint[] } {
    const all = this.received.messages.flatMap(({ response }) => (response.case === 'settled' ? [response.value] : []))
    return {
      settled: all.flatMap((one) => one.deliveryIds),
      unknown: all.flatMap((one) => one.unknownDeliveryIds),
    }
  }

  /** Resolves when that many events were delivered. */
  async delivered(count: number): Promise<Delivery[]> {
    await this.received.until(() => this.deliveries.length >= count)
    return this.deliveries
  }
}
