import { readFileSync } from 'node:fs'
import { type CallOptions, Client, type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js'
import { EventService, rawCodec } from '@landbridge/proto'
import type { GatewayAccess } from '../contender.ts'

// The client's window is its own to choose; 64 KiB would stop a fast subscriber ten thousand times a second.
const WINDOW_BYTES = 4 * 1024 * 1024

/** The wire and nothing else: encoded messages in and out over mutual TLS, with a token on each call. */
export class GatewayClient {
  readonly #client: Client
  readonly #metadata = new Metadata()

  constructor(access: GatewayAccess) {
    const [endpoint] = access.endpoints
    if (endpoint === undefined) throw new Error('connect to a gateway: no endpoints, wanted one')
    const tls = credentials.createSsl(
      readFileSync(access.caFile),
      readFileSync(access.keyFile),
      readFileSync(access.certFile),
    )
    this.#client = new Client(endpoint, tls, { 'grpc-node.flow_control_window': WINDOW_BYTES })
    this.#metadata.set('authorization', `Bearer ${access.token}`)
  }

  /** Opens `PublishStream` or `Subscribe`. */
  open(method: 'publishStream' | 'subscribe', options: CallOptions = {}): ClientDuplexStream<Buffer, Buffer> {
    const path = `/${EventService.typeName}/${EventService.method[method].name}`
    return this.#client.makeBidiStreamRequest(path, rawCodec.serialize, rawCodec.deserialize, this.#metadata, options)
  }

  /** Calls `Publish`. */
  publish(request: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const path = `/${EventService.typeName}/${EventService.method.publish.name}`
      this.#client.makeUnaryRequest(
        path,
        rawCodec.serialize,
        rawCodec.deserialize,
        request,
        this.#metadata,
        (error, response) => {
          if (error !== null) reject(error)
          else if (response === undefined) reject(new Error('publish: no answer'))
          else resolve(response)
        },
      )
    })
  }

  close(): void {
    this.#client.close()
  }
}
